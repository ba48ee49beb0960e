// What earlier runs left behind when both their processes were killed at once: engines that nobody supervises.

import { killNow } from "../supervisor/kill_tree.ts";
import { environmentValue, listProcesses, type ProcessInfo, withDescendants } from "../supervisor/process_tree.ts";
import { type KnownRun, listRuns } from "./list_runs.ts";

export interface Leftover {
  readonly run: KnownRun;
  readonly processes: readonly ProcessInfo[];
}

const KILL_LIMIT_MS = 10_000;

/**
 * Living processes of runs that are dead. A process counts when it carries the run's id, or is the very one that run.json names:
 * same pid and same start time, for a pid alone may be somebody else's by now.
 */
export function findLeftovers(stateDir: string): readonly Leftover[] {
  const dead = listRuns(stateDir).filter(({ alive, run }) => !alive && run !== null);
  if (dead.length === 0) return [];
  const all = listProcesses().filter(({ zombie }) => !zombie);
  const runIdOf = new Map(all.map(({ pid }) => [pid, environmentValue(pid, "PDSERVE_RUN_ID")]));
  return dead.flatMap((known) => {
    const ticks = known.run?.start_ticks ?? {};
    const mine = all.filter(({ pid, startTicks }) => runIdOf.get(pid) === known.runId || ticks[pid] === startTicks);
    const processes = withDescendants(new Set(mine.map(({ pid }) => pid)), all);
    return processes.length === 0 ? [] : [{ run: known, processes }];
  });
}

/** Returns who would not die. */
export function reapLeftovers(stateDir: string): readonly ProcessInfo[] {
  return killNow(() => findLeftovers(stateDir).flatMap(({ processes }) => processes), KILL_LIMIT_MS);
}
