// What happened to each worker so far, as `status` tells it: since when it is what it is, and how it failed last.

import type { Diagnosis } from "../supervisor/engines/engine.ts";
import type { FleetEvents } from "../supervisor/event_stream.ts";

export interface LastFailure {
  /** RFC 3339. */
  readonly at: string;
  readonly during: string;
  readonly diagnosis: Diagnosis;
  readonly log: string | null;
}

export interface WorkerPast {
  /** RFC 3339; when it came into its present state. */
  readonly since: string | null;
  readonly failures: number;
  readonly lastFailure: LastFailure | null;
}

const nothing: WorkerPast = { since: null, failures: 0, lastFailure: null };

/** Remembers from now on; returns how to ask. */
export function rememberWorkers(
  events: FleetEvents,
  now: () => Date = () => new Date(),
): (worker: string) => WorkerPast {
  const pasts = new Map<string, WorkerPast & { readonly state: string }>();
  const past = (worker: string) => pasts.get(worker) ?? { ...nothing, state: "" };
  events.subscribe((event) => {
    if (event.type === "worker" && past(event.name).state !== event.state) {
      pasts.set(event.name, { ...past(event.name), state: event.state, since: now().toISOString() });
    }
    if (event.type === "failed") {
      const { worker, during, diagnosis, logPath: log } = event.failure;
      const before = past(worker);
      const lastFailure = { at: now().toISOString(), during, diagnosis, log };
      pasts.set(worker, { ...before, failures: before.failures + 1, lastFailure });
    }
  });
  return past;
}
