// What everyone but the supervisor sees of the fleet: an immutable picture, replaced whole whenever something changes.

import type { WorkerFacts } from "../kv/connector.ts";
import type { Diagnosis, Stage } from "./engines/engine.ts";

/** A worker's life. One writer: supervisor/fleet. Reading it to show it is fine; reading it to decide a change is a bug. */
export type WorkerState =
  | { readonly is: "planned" }
  | { readonly is: "starting"; readonly stage: Stage; readonly sinceMs: number }
  | { readonly is: "proving" }
  | { readonly is: "ready" }
  | { readonly is: "draining"; readonly deadlineMs: number | null }
  | { readonly is: "stopping" }
  | { readonly is: "stopped" }
  | { readonly is: "backoff"; readonly attempt: number; readonly untilMs: number; readonly last: Diagnosis }
  | { readonly is: "failed"; readonly diagnosis: Diagnosis }
  | { readonly is: "fatal"; readonly diagnosis: Diagnosis };

export interface WorkerSnapshot {
  readonly facts: WorkerFacts;
  /** `http://127.0.0.1:8101`, `https://…` or `unix:/path` for a worker somebody else started. */
  readonly url: string;
  readonly state: WorkerState;
  /** 1 for the first process of this worker, +1 for each restart. KV handles of another generation are worthless. */
  readonly generation: number;
  readonly pid: number | null;
}

export interface FleetSnapshot {
  /** Grows with every change, so that readers can keep what they derived. */
  readonly epoch: number;
  readonly workers: readonly WorkerSnapshot[];
  /** Requests are taken only when "serving"; "draining" finishes what is in flight. */
  readonly phase: "starting" | "serving" | "draining" | "stopped";
  /** Key of this run that the workers ask for, so that nobody goes around the router. Null when they ask for none. Never printed. */
  readonly workerApiKey: string | null;
}

/** Read side of the fleet, given to the router, the control API and the renderers. */
export interface FleetView {
  snapshot(): FleetSnapshot;
  /** Called after each change; returns how to unsubscribe. */
  subscribe(listener: (snapshot: FleetSnapshot) => void): () => void;
}
