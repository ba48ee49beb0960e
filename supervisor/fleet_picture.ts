// The fleet as everybody else sees it: one immutable snapshot, replaced after each change.

import type { WorkerFacts } from "../kv/connector.ts";
import type { FleetSnapshot, FleetView, WorkerState } from "./snapshot.ts";

export interface PicturedWorker {
  readonly facts: WorkerFacts;
  readonly url: string;
  readonly state: WorkerState;
  readonly generation: number;
  readonly pid: number | null;
}

export interface FleetPicture extends FleetView {
  /** Looks again and tells the subscribers. */
  redraw(): void;
  setPhase(phase: FleetSnapshot["phase"]): void;
}

/** `look` returns the workers as they are now. */
export function makeFleetPicture(workerApiKey: string | null, look: () => readonly PicturedWorker[]): FleetPicture {
  const listeners = new Set<(snapshot: FleetSnapshot) => void>();
  let current: FleetSnapshot = { epoch: 0, phase: "starting", workerApiKey, workers: look() };
  const replace = (phase: FleetSnapshot["phase"]) => {
    current = { epoch: current.epoch + 1, phase, workerApiKey, workers: look() };
    for (const listener of [...listeners]) listener(current);
  };
  return {
    snapshot: () => current,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    redraw: () => replace(current.phase),
    setPhase: replace,
  };
}
