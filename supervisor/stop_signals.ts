// How many times, and how urgently, somebody asked the run to stop.

import { readFileSync } from "node:fs";

export type StopSignal = "SIGINT" | "SIGTERM" | "SIGQUIT" | "SIGHUP";

/** `drain`: finish what is in flight. `now`: terminate the workers. `kill`: do not wait for them either. */
export type StopWish = "drain" | "now" | "kill";

export const stopSignals: readonly StopSignal[] = ["SIGINT", "SIGTERM", "SIGQUIT", "SIGHUP"];

/** Levels one signal adds. Only Ctrl-C adds up: supervisors and `timeout` send SIGTERM to a process and again to its group. */
const weight: Readonly<Record<StopSignal, { readonly first: number; readonly again: number }>> = {
  SIGINT: { first: 1, again: 1 },
  SIGTERM: { first: 1, again: 0 },
  SIGHUP: { first: 1, again: 0 },
  SIGQUIT: { first: 2, again: 0 },
};

/**
 * Joins what the core heard itself with what init heard. A terminal signals both, `kill` only init: of each signal the larger
 * count is the true one. `onWish` is called whenever the wish grows.
 */
export function countStopSignals(onWish: (wish: StopWish) => void) {
  const heard = { core: new Map<StopSignal, number>(), init: new Map<StopSignal, number>() };
  let level = 0;
  return (signal: StopSignal, by: "core" | "init"): void => {
    heard[by].set(signal, (heard[by].get(signal) ?? 0) + 1);
    const sum = stopSignals
      .map((one) => levelOf(one, Math.max(heard.core.get(one) ?? 0, heard.init.get(one) ?? 0)))
      .reduce((total, part) => total + part, 0);
    if (sum <= level) return;
    level = sum;
    onWish(level === 1 ? "drain" : level === 2 ? "now" : "kill");
  };
}

/** Calls `listener` for each stop signal this process gets; returns how to end that. SIGHUP stays ignored under nohup. */
export function onStopSignals(listener: (signal: StopSignal) => void): () => void {
  const wanted = stopSignals.filter((signal) => signal !== "SIGHUP" || !hangupIsIgnored());
  for (const signal of wanted) process.on(signal, listener);
  return () => {
    for (const signal of wanted) process.off(signal, listener);
  };
}

function levelOf(signal: StopSignal, count: number): number {
  return count === 0 ? 0 : weight[signal].first + weight[signal].again * (count - 1);
}

/**
 * Whether SIGHUP can mean that a terminal went. Without one, as under a service manager, somebody sent it on purpose, and by
 * custom wants the configuration read again.
 */
export function hasTerminal(): boolean {
  // The seventh field, after a name that may hold anything (proc_pid_stat(5)).
  const fields = readFileSync("/proc/self/stat", "latin1").replace(/^.*\) /s, "").split(" ");
  return fields[4] !== "0";
}

function hangupIsIgnored(): boolean {
  const mask = /^SigIgn:\s*([0-9a-f]+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  return (BigInt(`0x${mask}`) & 1n) === 1n;
}
