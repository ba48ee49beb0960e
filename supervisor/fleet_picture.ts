// The fleet as everybody else sees it: one immutable snapshot, replaced after each change.

import { factsOf } from "../plan/plan.ts";
import type { FleetSnapshot, FleetView, WorkerSnapshot } from "./snapshot.ts";
import type { WorkerRunner } from "./worker_runner.ts";
import { urlOf } from "./worker_url.ts";

export interface FleetPicture extends FleetView {
  /** Looks again and tells the subscribers. */
  redraw(): void;
  setPhase(phase: FleetSnapshot["phase"]): void;
}

/** `look` returns the workers as they are now. */
export function makeFleetPicture(workerApiKey: string | null, look: () => readonly WorkerSnapshot[]): FleetPicture {
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

/** `engineIdByRank`: what the worker told of itself once it served. */
export function pictureOf(
  { plan, life, process }: WorkerRunner,
  engineIdByRank: Readonly<Record<string, string>>,
): WorkerSnapshot {
  return {
    facts: { ...factsOf(plan), engineIdByRank },
    url: urlOf(plan),
    state: life.state,
    generation: life.generation,
    pid: process?.pid ?? null,
  };
}
