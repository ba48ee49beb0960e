// One process of one worker with everything below it: started, signalled, and watched until none of it is left.

import type { WorkerPlan } from "../plan/plan.ts";
import { type Clock, sleep } from "./clock.ts";
import type { Engine } from "./engines/engine.ts";
import { signalProcess, waitUntilGone } from "./kill_tree.ts";
import { processesOfWorker, type ProcessInfo } from "./process_tree.ts";
import type { RunIdentity } from "./run_identity.ts";
import type { Child, Exit, Spawned, WorkerCommand } from "./spawn.ts";
import { workerEnvironment, workerMark } from "./worker_env.ts";

/** A driver call that is not back by then is told to the user. */
const DEATH_LIMIT_MS = 30_000;
const GPU_LIMIT_MS = 15_000;

export interface GpuHolder {
  readonly pid: number;
  readonly name: string;
  readonly bytes: number;
}

export interface ProcessDeps {
  readonly identity: RunIdentity;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly apiKey: string | null;
  readonly clock: Clock;
  readonly spawn: (command: WorkerCommand) => Spawned;
  /** Who holds memory of these GPUs; null where there are none or the driver does not tell. */
  readonly gpuHolders: (gpus: readonly string[]) => Promise<readonly GpuHolder[] | null>;
}

/** A process that outlives SIGKILL or keeps GPU memory. */
export interface Leftover {
  readonly pid: number;
  readonly name: string;
  readonly holds: "process" | "gpu memory";
}

export interface WorkerProcess {
  readonly pid: number;
  readonly pgid: number;
  readonly startTicks: number;
  readonly generation: number;
  readonly startedAtMs: number;
  readonly exited: Promise<Exit>;
  readonly outputEnded: Promise<void>;
  /** Passes on what it has written so far; otherwise that may come a moment late. */
  readOutput(): void;
  /** Notes which processes it consists of now: the driver may name them as holders of memory when they are dead. */
  remember(): void;
  terminate(how: Engine["stop"]): void;
  kill(): void;
  /** After the leader's exit or `kill()`: resolves when no process of it is left and its GPU memory is back, or with who stays. */
  readonly gone: Promise<readonly Leftover[]>;
  /** Looks again whether those who would not go have gone since. */
  lookAgain(): Promise<readonly Leftover[]>;
}

export type Started = { readonly is: "started"; readonly process: WorkerProcess } | {
  readonly is: "failed";
  readonly reason: string;
};

export function startProcess(
  worker: WorkerPlan,
  generation: number,
  onOutput: (chunk: Uint8Array) => void,
  deps: ProcessDeps,
): Started {
  const { identity, apiKey, clock } = deps;
  const env = workerEnvironment({ base: deps.env, worker, identity, generation, apiKey });
  const startedAtMs = clock.nowMs();
  const spawned = deps.spawn({ argv: worker.argv, env, cwd: worker.cwd, onOutput });
  if (spawned.is === "failed") return spawned;
  const { child } = spawned;
  const tree = watchTree(child, worker, generation, deps);
  return { is: "started", process: { ...tree, ...child, startTicks: child.startTicks ?? 0, generation, startedAtMs } };
}

function watchTree(child: Child, worker: WorkerPlan, generation: number, deps: ProcessDeps) {
  const mark = {
    runId: deps.identity.runId,
    mark: workerMark(worker.name, generation),
    pgid: child.pgid,
    startTicks: child.startTicks ?? 0,
  };
  const seen = new Set([child.pid]);
  const find = () => {
    const left = processesOfWorker(mark);
    for (const { pid } of left) seen.add(pid);
    return left;
  };
  const killing = Promise.withResolvers<void>();
  let killedAtMs: number | null = null;
  const killAll = (left: readonly ProcessInfo[]) => {
    if (killedAtMs === null) return true;
    for (const process of left) signalProcess(process, "SIGKILL");
    return deps.clock.nowMs() < killedAtMs + DEATH_LIMIT_MS;
  };
  const untilGone = async (): Promise<readonly Leftover[]> => {
    const alive = await waitUntilGone(find, killAll);
    if (alive.length > 0) return alive.map(({ pid, name }) => ({ pid, name, holds: "process" }));
    return await waitForGpuMemory(worker.gpus, seen, deps);
  };
  return {
    remember: () => void find(),
    terminate({ signal, only }: Engine["stop"]) {
      const left = find();
      const leader = left.find(({ pid }) => pid === child.pid);
      if (only === "leader" && leader !== undefined) signalProcess(leader, signal);
      else if (left.length > 0) child.signalGroup(signal);
    },
    kill() {
      killedAtMs ??= deps.clock.nowMs();
      killAll(find());
      killing.resolve();
    },
    gone: Promise.race([child.exited, killing.promise]).then(untilGone),
    lookAgain: untilGone,
  };
}

/** Memory comes back a little after the exit, and a start before that fails for want of it. */
async function waitForGpuMemory(
  gpus: readonly string[],
  processes: ReadonlySet<number>,
  { clock, gpuHolders }: ProcessDeps,
): Promise<readonly Leftover[]> {
  const endMs = clock.nowMs() + GPU_LIMIT_MS;
  for (;;) {
    // A driver that does not answer any more cannot say who holds what.
    const holders = (await gpuHolders(gpus).catch(() => null) ?? []).filter(({ pid }) => processes.has(pid));
    if (holders.length === 0 || clock.nowMs() > endMs) {
      return holders.map(({ pid, name }) => ({ pid, name, holds: "gpu memory" }));
    }
    await sleep(clock, 100);
  }
}
