// What ends a healthy worker's usefulness while nothing tells that it ended.

import type { Connector } from "../kv/connector.ts";
import type { WorkerPlan } from "../plan/plan.ts";
import { untilLost } from "./attached.ts";
import type { Clock } from "./clock.ts";
import type { Diagnosis, Engine } from "./engines/engine.ts";
import { doesNotAnswer, hangs } from "./plain_diagnoses.ts";
import type { Fetch } from "./probe.ts";
import type { InFlight } from "./in_flight.ts";
import { untilHung } from "./watch_progress.ts";
import { urlOf } from "./worker_url.ts";

export interface WatchIo {
  readonly engine: Engine;
  readonly connector: Connector;
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly apiKey: string | null;
  readonly inFlight: InFlight;
  readonly hangTimeoutMs: number;
  readonly servedModelName: string;
}

/** Resolves with what is wrong with it, or null when `stopped` is aborted before. */
export async function untilUseless(worker: WorkerPlan, io: WatchIo, stopped: AbortSignal): Promise<Diagnosis | null> {
  const { engine: { probe, metrics }, connector, fetch, clock, apiKey, inFlight, hangTimeoutMs, servedModelName } = io;
  // The end of a process is told by the kernel; that of a worker elsewhere only by its silence.
  if (worker.external !== null) {
    return await untilLost(urlOf(worker), probe.path, io, stopped) ? doesNotAnswer(worker) : null;
  }
  const answersAlone = worker.role !== "decode" || connector.servesPlainRequests;
  const wrong = await untilHung(urlOf(worker), {
    ...{ fetch, clock, apiKey, metrics, probePath: probe.path, limitMs: hangTimeoutMs },
    busy: () => inFlight.ofWorker(worker.name),
    isHeld: () => inFlight.isHeld?.() ?? false,
    model: answersAlone ? servedModelName : null,
  }, stopped);
  return wrong === null ? null : hangs(worker, wrong, hangTimeoutMs);
}
