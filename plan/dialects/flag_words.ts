// A setting of a file as the words of an engine's command line.

/** True is the bare flag, false its `--no-` twin, a list several values, a map JSON. */
export function flagWords(name: string, value: unknown): string[] {
  const flag = `--${name.replaceAll("_", "-")}`;
  if (value === null || value === true) return [flag];
  if (value === false) return [`--no-${flag.slice(2)}`];
  if (Array.isArray(value)) return [flag, ...value.map(textOf)];
  return [flag, textOf(value)];
}

function textOf(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
