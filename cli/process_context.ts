// The real world of a verb: this process's streams, environment and folder.

import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
import { isatty, type WriteStream } from "node:tty";
import type { CliContext, Terminal } from "./context.ts";

const defaultColumns = 80;
const defaultRows = 24;

export function processContext(version: string): CliContext {
  return {
    version,
    env: process.env,
    cwd: process.cwd(),
    stdout: terminalOf(1),
    stderr: terminalOf(2),
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

/** A stream costs milliseconds to open, so one that nothing is written to stays closed. */
function terminalOf(fd: 1 | 2): Terminal {
  let opened: WriteStream | null = null;
  const stream = () => opened ??= openStream(fd);
  return {
    write: (text) => void (text !== "" && stream().write(text)),
    flushed: () => new Promise((resolve) => opened === null ? resolve() : opened.write("", () => resolve())),
    isTerminal: isatty(fd),
    get columns() {
      return isatty(fd) && stream().columns || Number(process.env.COLUMNS) || defaultColumns;
    },
    get rows() {
      return isatty(fd) && stream().rows || defaultRows;
    },
  };
}

function openStream(fd: 1 | 2): WriteStream {
  const stream = fd === 1 ? process.stdout : process.stderr;
  // `pdserve plan | head` closes the pipe early; that is no failure of ours.
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
  return stream;
}
