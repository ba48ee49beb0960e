// Secrets out of text: those of this run by value, and the well-known ones by shape.

/** Shorter values would mask half the log, and guard nothing. */
const shortestSecret = 4;

/** Hugging Face tokens, and whatever follows `Bearer `. */
const shapes = /\bhf_[A-Za-z0-9]{16,}|(?<=\bBearer )[\w.~+/=-]{8,}/g;

/** Longest first, so that a secret that contains another goes whole. */
export function makeSecretMask(secrets: readonly string[]): (text: string) => string {
  const values = secrets.filter((secret) => secret.length >= shortestSecret).sort((a, b) => b.length - a.length);
  return (text) => {
    let masked = text;
    for (const value of values) if (masked.includes(value)) masked = masked.replaceAll(value, "***");
    return masked.includes("hf_") || masked.includes("Bearer ") ? masked.replace(shapes, "***") : masked;
  };
}
