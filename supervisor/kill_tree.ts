// Kills processes until none is left, and says who did not die.

import { type ProcessInfo, readProcess } from "./process_tree.ts";

export type FindProcesses = () => readonly ProcessInfo[];

/** Signals one process, unless its pid has meanwhile become another's. */
export function signalProcess({ pid, startTicks }: ProcessInfo, signal: NodeJS.Signals): void {
  if (readProcess(pid)?.startTicks !== startTicks) return;
  try {
    process.kill(pid, signal);
  } catch {
    // Gone between the look and the signal, or not ours.
  }
}

/**
 * Kills everything `find` finds, again and again, because a process may fork while it is being killed. Blocks the whole process on
 * purpose: for the end of init or core, when nothing else may happen in between. Returns who is still alive after `limitMs`.
 */
export function killNow(find: FindProcesses, limitMs: number): readonly ProcessInfo[] {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const endMs = performance.now() + limitMs;
  for (let left = find();; left = find()) {
    if (left.length === 0 || performance.now() > endMs) return left;
    for (const process of left) signalProcess(process, "SIGKILL");
    Atomics.wait(pause, 0, 0, 2);
  }
}

/** Waits until `find` finds nobody. `between` runs before each look; false from it ends the waiting. */
export async function waitUntilGone(find: FindProcesses, between: (left: readonly ProcessInfo[]) => boolean) {
  let pauseMs = 5;
  for (let left = find(); left.length > 0; left = find()) {
    if (!between(left)) return left;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    // A group that takes seconds to leave need not be looked at hundreds of times.
    pauseMs = Math.min(pauseMs * 1.5, 100);
  }
  return [];
}
