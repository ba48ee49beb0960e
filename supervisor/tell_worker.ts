// Tells what becomes of each worker, once for each change, with the time it took.

import type { Clock } from "./clock.ts";
import type { EventStream } from "./event_stream.ts";
import type { WorkerState } from "./snapshot.ts";

/** Returns false when that state has been told already. */
export type TellWorker = (name: string, state: WorkerState) => boolean;

export function makeTellWorker(events: EventStream, clock: Clock): TellWorker {
  const told = new Map<string, WorkerState>();
  const since = new Map<string, number>();

  /** The way to `ready` is one span, everything after it another. */
  function elapsedMs(name: string, state: WorkerState): number {
    const nowMs = clock.nowMs();
    if (state.is === "starting") since.set(name, state.sinceMs);
    else if (state.is !== "proving" && state.is !== "ready") since.set(name, nowMs);
    return Math.round(nowMs - (since.get(name) ?? nowMs));
  }

  return (name, state) => {
    if (told.get(name) === state) return false;
    told.set(name, state);
    const stage = state.is === "starting" ? state.stage : null;
    const retry = state.is === "backoff" ? { retryInMs: Math.max(0, Math.round(state.untilMs - clock.nowMs())) } : {};
    events.emit({ type: "worker", name, state: state.is, stage, elapsedMs: elapsedMs(name, state), ...retry });
    return true;
  };
}
