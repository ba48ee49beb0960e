// The fleet as a screen shows it, kept up to date by one event after the other.

import type { Plan, WorkerPlan } from "../../plan/plan.ts";
import type { Stage } from "../../supervisor/engines/engine.ts";
import type { FleetEvent, PairProof, Ready } from "../../supervisor/events.ts";
import type { WorkerState } from "../../supervisor/snapshot.ts";

export interface FleetPicture {
  readonly plan: Plan | null;
  readonly workers: readonly WorkerPicture[];
  readonly proofs: readonly PairProof[];
  readonly phase: Phase;
}

export type Phase =
  | { readonly is: "starting" }
  | { readonly is: "ready"; readonly ready: Ready }
  | {
    readonly is: "draining";
    readonly inFlight: number;
    readonly limitMs: number;
    readonly waitingFor: readonly { readonly worker: string; readonly requests: number }[];
    readonly sinceMs: number;
  }
  | { readonly is: "stopping"; readonly forced: boolean }
  | { readonly is: "stopped" };

export interface WorkerPicture {
  readonly plan: WorkerPlan;
  readonly state: WorkerState["is"];
  readonly stage: Stage | null;
  /** When it began, on the renderer's clock. */
  readonly sinceMs: number;
  /** How long it took to get here, for states in which no time is counted any more. */
  readonly elapsedMs: number;
  /** How long a start like this took before, on this machine; null when there was none. */
  readonly usualMs: number | null;
  /** When its next process starts, on the renderer's clock; null where none is waited for. */
  readonly retryAtMs: number | null;
}

export const blankPicture: FleetPicture = { plan: null, workers: [], proofs: [], phase: { is: "starting" } };

/** The picture after an event that came in at `nowMs`. */
export function pictureAfter(picture: FleetPicture, event: FleetEvent, nowMs: number): FleetPicture {
  switch (event.type) {
    case "plan":
      return {
        ...blankPicture,
        plan: event.plan,
        workers: event.plan.workers.map((plan) => planned(plan, nowMs, event.usualMs?.[plan.name])),
      };
    case "worker": {
      const { name, state, stage, elapsedMs } = event;
      const retryAtMs = event.retryInMs === undefined ? null : nowMs + event.retryInMs;
      const seen = { state, stage, elapsedMs, sinceMs: nowMs - elapsedMs, retryAtMs };
      return {
        ...picture,
        workers: picture.workers.map((worker) => worker.plan.name === name ? { ...worker, ...seen } : worker),
      };
    }
    case "added":
      return { ...picture, workers: [...picture.workers, planned(event.worker, nowMs)] };
    case "removed":
      return { ...picture, workers: picture.workers.filter(({ plan }) => plan.name !== event.name) };
    case "proof":
      return { ...picture, proofs: [...picture.proofs, event.proof] };
    case "ready":
      return { ...picture, phase: { is: "ready", ready: event.ready } };
    case "draining": {
      const sinceMs = picture.phase.is === "draining" ? picture.phase.sinceMs : nowMs;
      const { inFlight, limitMs, waitingFor } = event;
      return { ...picture, phase: { is: "draining", inFlight, limitMs, waitingFor, sinceMs } };
    }
    case "stopping":
      return { ...picture, phase: { is: "stopping", forced: event.forced } };
    case "stopped":
      return { ...picture, phase: { is: "stopped" } };
    case "warning":
    case "reloaded":
    case "listening":
    case "log":
    case "failed":
      return picture;
  }
}

function planned(plan: WorkerPlan, nowMs: number, usualMs: number | null = null): WorkerPicture {
  return { plan, state: "planned", stage: null, sinceMs: nowMs, elapsedMs: 0, usualMs, retryAtMs: null };
}
