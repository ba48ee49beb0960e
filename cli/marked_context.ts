// The screen of one of several models: whole lines on stderr that say which model they are about.

import type { CliContext } from "./context.ts";

/** Lines of JSON get a first member `entry`, others the name in front. Not a terminal: two cannot draw on one screen. */
export function markedContext(context: CliContext, entry: string): CliContext {
  const { stderr } = context;
  let rest = "";
  const write = (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    if (lines.length > 0) stderr.write(lines.map((line) => marked(line, entry) + "\n").join(""));
  };
  const silent = { write: () => {}, flushed: () => Promise.resolve(), isTerminal: false, columns: 80, rows: 24 };
  const columns = Math.max(40, stderr.columns - entry.length - 3);
  return {
    ...context,
    stdout: silent,
    stderr: { write, flushed: () => stderr.flushed(), isTerminal: false, columns, rows: stderr.rows },
  };
}

function marked(line: string, entry: string): string {
  if (!line.startsWith('{"type":')) return line === "" ? "" : `${entry} │ ${line}`;
  return `{"entry":${JSON.stringify(entry)},${line.slice(1)}`;
}
