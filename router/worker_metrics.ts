// Reading an engine's Prometheus text: sums for proofs and alarms.
// Source: Prometheus text exposition format 0.0.4, as vLLM 0.32.0 writes it.

/** A counter may be written with or without `_total`; a histogram's bytes are its `_sum`. */
const SUFFIXES = ["", "_total", "_sum"];

/** The sum of all samples of one series, over engines of one server; null when there is none, so that 0 means zero. */
export function sumOf(text: string, series: string, label: string | null = null): number | null {
  const names = new Set(SUFFIXES.map((suffix) => series + suffix));
  let sum: number | null = null;
  for (const line of text.split("\n")) {
    if (!line.startsWith(series)) continue;
    const nameEnd = line.search(/[{ ]/);
    if (nameEnd < 0 || !names.has(line.slice(0, nameEnd))) continue;
    if (label !== null && !line.includes(label)) continue;
    const value = Number(line.slice(line.lastIndexOf(" ") + 1));
    if (Number.isFinite(value)) sum = (sum ?? 0) + value;
  }
  return sum;
}
