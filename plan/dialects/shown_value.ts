// A file's value as an error shows it.

const longest = 60;

/** In quotes; what is neither text nor a number as JSON, and nothing over some words long. */
export function shownValue(value: unknown): string {
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return `"${text.length > longest ? `${text.slice(0, longest)}…` : text}"`;
}
