// One worker's way from its present process to its next one, with no request lost: drained, stopped, started, proven.

import { type Clock, sleep } from "./clock.ts";
import type { Diagnosis } from "./engines/engine.ts";
import type { WorkerState } from "./snapshot.ts";
import type { WorkerRunner } from "./worker_runner.ts";

const LOOK_EVERY_MS = 50;

export interface RollIo {
  readonly clock: Clock;
  readonly drainTimeoutMs: number;
  readonly graceMs: number;
  /** Requests and handoffs that need this worker. */
  readonly busy: (worker: string) => number;
  /** Resolves when nobody gives out requests by an older state of the workers. */
  readonly heard: () => Promise<void>;
  /** The whole fleet is on its way out: nothing is started any more. */
  readonly isEnding: () => boolean;
}

export type Rolled = { readonly is: "ready" } | { readonly is: "failed"; readonly diagnosis: Diagnosis } | {
  readonly is: "ended";
};

/** A worker that does not run is only started. */
export async function rollWorker(runner: WorkerRunner, io: RollIo): Promise<Rolled> {
  if (runner.life.state.is !== "planned") await endProcess(runner, io);
  if (io.isEnding()) return { is: "ended" };
  runner.send({ is: "start" });
  const state = await runner.until((state) => state.is === "ready" || hasNoProcess(state));
  if (state.is === "ready") return { is: "ready" };
  await runner.explained;
  const diagnosis = diagnosisOf(runner.life.state) ?? diagnosisOf(state);
  return diagnosis === null ? { is: "ended" } : { is: "failed", diagnosis };
}

/** Resolves when it has no process any more. */
export async function endProcess(runner: WorkerRunner, io: RollIo): Promise<void> {
  await drainWorker(runner, io, io.clock.nowMs() + io.drainTimeoutMs);
  runner.send({ is: "stop", graceMs: io.graceMs });
  await runner.until((state) => hasNoProcess(state));
}

/** Starts those of the other role anew; requests that they have are with a worker that is gone. */
export function rollPeers(of: string, runners: ReadonlyMap<string, WorkerRunner>, io: RollIo): void {
  const role = runners.get(of)?.plan.role;
  for (const runner of runners.values()) {
    const { is } = runner.life.state;
    if (runner.plan.role !== role && (is === "ready" || is === "proving")) {
      void rollWorker(runner, { ...io, drainTimeoutMs: 0 });
    }
  }
}

/**
 * Resolves when nothing needs it any more, when it does not drain any more, or when its time is up. `deadlineMs` is what its
 * state tells: null when it is to stay out of service.
 */
export async function drainWorker(runner: WorkerRunner, io: RollIo, deadlineMs: number | null): Promise<void> {
  const { clock, drainTimeoutMs, busy, heard } = io;
  const endMs = clock.nowMs() + drainTimeoutMs;
  runner.send({ is: "drain", deadlineMs });
  await heard();
  while (runner.life.state.is === "draining" && busy(runner.plan.name) > 0 && clock.nowMs() < endMs) {
    await sleep(clock, LOOK_EVERY_MS);
  }
}

function hasNoProcess({ is }: WorkerState): boolean {
  return is === "stopped" || is === "failed" || is === "fatal" || is === "backoff";
}

function diagnosisOf(state: WorkerState): Diagnosis | null {
  if (state.is === "failed" || state.is === "fatal") return state.diagnosis;
  return state.is === "backoff" ? state.last : null;
}
