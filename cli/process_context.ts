// The real world of a verb: this process's streams, environment and folder.

import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
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
    // Opened when it is asked for: most verbs never read it.
    get stdin() {
      return isForeground() ? process.stdin : Readable.from([]);
    },
  };
}

/** A job in the background that sets the terminal's mode is stopped by the kernel (SIGTTOU). Source: proc_pid_stat(5). */
function isForeground(): boolean {
  try {
    const [, , group, , , terminalGroup] = readFileSync("/proc/self/stat", "utf8").replace(/^.*\) /s, "").split(" ");
    return group === terminalGroup;
  } catch {
    return true;
  }
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
