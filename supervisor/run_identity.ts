// Which run this process belongs to. The id stands in the environment of every process of the run, init's own included.

import { readFileSync } from "node:fs";
import { executeSelf } from "./native.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export interface RunIdentity {
  readonly runId: string;
  readonly initPid: number;
}

/**
 * The run this environment names. A run id alone proves nothing: a pdserve started from inside another run's worker inherits it, so
 * the caller compares `initPid` with its own pid (init) or its parent's (core).
 */
export function identityFrom(env: Environment): RunIdentity | null {
  const runId = env.PDSERVE_RUN_ID;
  const initPid = Number(env.PDSERVE_INIT_PID);
  return runId && initPid > 0 ? { runId, initPid } : null;
}

/** Whether this process is a run's init and already carries the run's id: `main.ts` may go straight to `runInit`. */
export function isInit(env: Environment = process.env, pid = process.pid): boolean {
  return identityFrom(env)?.initPid === pid;
}

/**
 * The identity of the run whose init this process is. The first call starts the program again in the same process (same pid, terminal
 * and signals), because a process cannot change the environment that /proc shows of it; that costs one start, about 9 ms compiled.
 * Where the kernel refuses, init goes on without the mark.
 */
export function identifyAsInit(env: Environment, pid: number, makeRunId: () => string): RunIdentity {
  const given = identityFrom(env);
  if (given?.initPid === pid) return given;
  const identity = { runId: makeRunId(), initPid: pid };
  executeSelf(ownArguments(), { ...env, ...identityEnvironment(identity) });
  return identity;
}

export function identityEnvironment({ runId, initPid }: RunIdentity): Readonly<Record<string, string>> {
  return { PDSERVE_RUN_ID: runId, PDSERVE_INIT_PID: String(initPid) };
}

/** Sorts by time, and reads as one: `20261121-114503-9f3a1c`. */
export function newRunId(now = new Date(), randomBytes = crypto.getRandomValues(new Uint8Array(3))): string {
  const [day = "", time = ""] = now.toISOString().slice(0, 19).replaceAll(/[-:]/g, "").split("T");
  return `${day}-${time}-${randomBytes.toHex()}`;
}

/** The command line as the kernel has it: the runtime's own arguments are not in `process.argv`. */
function ownArguments(): readonly string[] {
  return readFileSync("/proc/self/cmdline", "utf8").split("\0").slice(0, -1);
}
