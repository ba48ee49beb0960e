// On which line does a TOML file say a key? The parser does not keep it.

/** `pd_disagg.prefill_tp` → 1-based line; a table's own path gives its header. */
export function tomlLines(text: string): ReadonlyMap<string, number> {
  const lines = new Map<string, number>();
  let table: readonly string[] = [];
  let quotes: string | null = null;
  for (const [at, line] of text.split("\n").entries()) {
    if (quotes !== null) {
      if (line.includes(quotes)) quotes = null;
      continue;
    }
    const header = /^\s*\[\[?(.+?)\]\]?\s*(#.*)?$/.exec(line);
    const key = /^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=(.*)$/.exec(line);
    if (key !== null) {
      note([...table, ...keyParts(key[1] ?? "")], at + 1, lines);
      quotes = openedQuotes(key[2] ?? "");
    } else if (header !== null) {
      table = keyParts(header[1] ?? "");
      note(table, at + 1, lines);
    }
  }
  return lines;
}

function note(path: readonly string[], line: number, lines: Map<string, number>): void {
  const key = path.join(".");
  if (!lines.has(key)) lines.set(key, line);
}

function keyParts(written: string): string[] {
  return [...written.matchAll(/"([^"]*)"|'([^']*)'|([\w-]+)/g)].map(([, a, b, c]) => a ?? b ?? c ?? "");
}

/** The quotes of a text that goes on over the next lines. */
function openedQuotes(value: string): string | null {
  const quotes = /"""|'''/.exec(value)?.[0];
  return quotes !== undefined && value.split(quotes).length === 2 ? quotes : null;
}
