// Starts processes: workers in a session of their own, and the core that shares init's terminal. The only file that names Bun.spawn.

import { followPipe } from "./follow_pipe.ts";
import { closeFd, makePipe } from "./native.ts";
import { readProcess } from "./process_tree.ts";

export interface WorkerCommand {
  readonly argv: readonly string[];
  /** The whole environment, PATH included. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Stdout and stderr as one stream in the order of writing; the bytes are the callee's. */
  onOutput(chunk: Uint8Array): void;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

export interface Child {
  readonly pid: number;
  /** Its process group and session, which is its own: pid = pgid = sid. */
  readonly pgid: number;
  /** Kernel start time, which tells it from a later process with the same pid; null when it was gone before one could look. */
  readonly startTicks: number | null;
  readonly exited: Promise<Exit>;
  /** When the last process that holds its stdout or stderr has closed it. */
  readonly outputEnded: Promise<void>;
  /** Passes on what it has written so far; otherwise that may come a moment late. */
  readOutput(): void;
  signalGroup(signal: NodeJS.Signals): void;
}

export type Spawned = { readonly is: "spawned"; readonly child: Child } | {
  readonly is: "failed";
  readonly reason: string;
};

/** One pipe for both streams, so that a traceback stands in the log where it was written. */
export function spawnWorker(command: WorkerCommand): Spawned {
  const pipe = makePipe();
  try {
    const process = Bun.spawn({
      cmd: [...command.argv],
      env: { ...command.env },
      cwd: command.cwd,
      stdio: ["ignore", pipe.writeFd, pipe.writeFd],
      detached: true,
    });
    const output = followPipe(pipe.readFd, command.onOutput);
    return {
      is: "spawned",
      child: {
        pid: process.pid,
        pgid: process.pid,
        startTicks: readProcess(process.pid)?.startTicks ?? null,
        exited: exitOf(process),
        outputEnded: output.ended,
        readOutput: output.readNow,
        signalGroup: (signal) => signalGroup(process.pid, signal),
      },
    };
  } catch (error) {
    closeFd(pipe.readFd);
    return { is: "failed", reason: error instanceof Error ? error.message : String(error) };
  } finally {
    closeFd(pipe.writeFd);
  }
}

export interface CoreProcess {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  /** Writing end of the link to the core, which reads it as `LINK_FD`. Its closing tells the core that init is gone. */
  readonly linkFd: number;
}

export const LINK_FD = 3;

/** The core keeps init's terminal and process group. */
export function spawnCore(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): CoreProcess {
  const link = makePipe();
  const process = Bun.spawn({
    cmd: [...argv],
    env: { ...env },
    stdio: ["inherit", "inherit", "inherit", link.readFd],
  });
  closeFd(link.readFd);
  return { pid: process.pid, exited: exitOf(process), linkFd: link.writeFd };
}

export interface RouterProcess {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  /** Structured-clone values, in order; nothing happens once it is gone. */
  send(message: unknown): void;
  kill(): void;
}

/**
 * In a session of its own: a terminal's Ctrl-C is the core's business. The channel goes with whichever of the two dies first,
 * which the other is told (`disconnect`).
 */
export function spawnRouter(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  onMessage: (message: unknown) => void,
): RouterProcess {
  const process = Bun.spawn({
    cmd: [...argv],
    env: { ...env },
    stdio: ["ignore", "ignore", "inherit"],
    detached: true,
    serialization: "advanced",
    ipc: onMessage,
  });
  return {
    pid: process.pid,
    exited: exitOf(process),
    send(message) {
      try {
        process.send(message);
      } catch {
        // It is gone; its exit is being handled.
      }
    },
    kill: () => process.kill("SIGKILL"),
  };
}

/** Chunks of a pipe until its last writer has closed it. */
export async function* readChunks(fd: number): AsyncGenerator<Uint8Array> {
  yield* Bun.file(fd).stream();
}

async function exitOf(process: Bun.Subprocess): Promise<Exit> {
  await process.exited;
  const signal = process.signalCode;
  return { code: signal === null ? process.exitCode : null, signal: signal === null ? null : String(signal) };
}

function signalGroup(pgid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pgid, signal);
  } catch {
    // An empty group is what the caller wanted.
  }
}
