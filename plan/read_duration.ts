// `1m30s` in milliseconds.

const millisecondsPer = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A number with ms, s, m or h, several in a row; a bare number is seconds. Null for anything else. */
export function readDuration(text: string): number | null {
  if (/^\d+(\.\d+)?$/.test(text)) return Math.round(Number(text) * 1000);
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) return null;
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(/([\d.]+)(ms|s|m|h)/g)) {
    totalMs += Number(amount) * millisecondsPer[unit as keyof typeof millisecondsPer];
  }
  return Math.round(totalMs);
}
