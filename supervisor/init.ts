// The first process of a run. It does nothing but outlive the core, so that whatever happens to the core, no engine stays behind.

import { writeSync } from "node:fs";
import { killNow } from "./kill_tree.ts";
import { becomeSubreaper } from "./native.ts";
import { processesOfRun } from "./process_tree.ts";
import { identifyAsInit, identityEnvironment, newRunId } from "./run_identity.ts";
import { selfCommand } from "./self_command.ts";
import { type CoreProcess, type Exit, spawnCore } from "./spawn.ts";
import { onStopSignals } from "./stop_signals.ts";

/** First argument of the core's command line. */
export const CORE_VERB = "__core";

/** A process in the middle of a driver call dies when that call returns. */
export const KILL_LIMIT_MS = 30_000;

export interface InitOptions {
  /** What the core is to do: the command line without the program. */
  readonly argv: readonly string[];
  /** Leading words that start this program again. */
  readonly self?: readonly string[];
}

/**
 * Runs `argv` in a core process and returns its exit code (128 + signal number when a signal ended it). Afterwards no process of the
 * run is left.
 */
export async function runInit({ argv, self = selfCommand() }: InitOptions): Promise<number> {
  const identity = identifyAsInit(process.env, process.pid, newRunId);
  becomeSubreaper();
  const core = spawnCore([...self, CORE_VERB, ...argv], {
    ...process.env,
    ...identityEnvironment(identity),
    ...withoutProxyOnLoopback(process.env),
  });
  const endForwarding = forwardStopSignals(core);
  const exit = await core.exited;
  const others = () => processesOfRun(identity.runId, process.pid).filter(({ pid }) => pid !== process.pid);
  for (const { pid, name } of killNow(others, KILL_LIMIT_MS)) {
    process.stderr.write(`pdserve: process ${pid} (${name}) does not die: it hangs in the kernel or a driver\n`);
  }
  endForwarding();
  return exitCodeOf(exit);
}

/** Through the link and not by signal: a signal before the core listens would end it, and the core counts both (stop_signals). */
function forwardStopSignals(core: CoreProcess): () => void {
  let interrupts = 0;
  return onStopSignals((signal) => {
    if (signal === "SIGINT") interrupts++;
    // The core kills its workers at the third; somebody who goes on has a core that hangs.
    if (interrupts > 3) process.kill(core.pid, "SIGKILL");
    try {
      writeSync(core.linkFd, `${signal}\n`);
    } catch {
      // The core is gone; its exit is being handled.
    }
  });
}

/** A proxy of the environment must not come between router, supervisor and workers; for all else it stays. */
function withoutProxyOnLoopback(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const given = env.NO_PROXY ?? env.no_proxy ?? "";
  const value = [given, "127.0.0.1", "localhost", "::1"].filter((part) => part !== "").join(",");
  return { NO_PROXY: value, no_proxy: value };
}

function exitCodeOf({ code, signal }: Exit): number {
  return code ?? 128 + (signalNumbers[signal ?? ""] ?? 9);
}

const signalNumbers: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGTERM: 15,
};
