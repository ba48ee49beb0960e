// The real world of a verb: this process's streams, environment and folder.

import type { WriteStream } from "node:tty";
import type { CliContext, Terminal } from "./context.ts";

const defaultColumns = 80;
const defaultRows = 24;

export function processContext(version: string): CliContext {
  return {
    version,
    env: process.env,
    cwd: process.cwd(),
    stdout: terminalOf(process.stdout),
    stderr: terminalOf(process.stderr),
    stdin: process.stdin,
  };
}

function terminalOf(stream: WriteStream): Terminal {
  // `pdserve plan | head` closes the pipe early; that is no failure of ours.
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
  return {
    write: (text) => void stream.write(text),
    flushed: () => new Promise((resolve) => stream.write("", () => resolve())),
    get isTerminal() {
      return stream.isTTY === true;
    },
    get columns() {
      return stream.columns || Number(process.env.COLUMNS) || defaultColumns;
    },
    get rows() {
      return stream.rows || defaultRows;
    },
  };
}
