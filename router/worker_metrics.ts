// Reading an engine's Prometheus text: sums for proofs and alarms, and the same text with a worker's name in each sample.
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

/** Comments are left out: the same `# TYPE` from each worker would make the whole text invalid. */
export function relabelled(text: string, { worker, role }: { readonly worker: string; readonly role: string }): string {
  const added = `worker="${worker}",role="${role}"`;
  const lines: string[] = [];
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const brace = line.indexOf("{");
    const space = line.indexOf(" ");
    if (brace >= 0 && brace < space) {
      const rest = line.slice(brace + 1);
      lines.push(`${line.slice(0, brace)}{${added}${rest.startsWith("}") ? "" : ","}${rest}`);
    } else if (space > 0) lines.push(`${line.slice(0, space)}{${added}}${line.slice(space)}`);
  }
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}
