// How busy each worker says it is: asked of all at once, and not waited for long, because somebody looks at a screen.

import { sumOf } from "../router/worker_metrics.ts";
import type { EngineMetrics } from "../supervisor/engines/engine.ts";
import type { Fetch } from "../supervisor/probe.ts";
import type { FleetSnapshot } from "../supervisor/snapshot.ts";

const LIMIT_MS = 300;

export interface WorkerLoad {
  /** 0 to 1. */
  readonly kvUsage: number | null;
  readonly waiting: number | null;
}

const unknown: WorkerLoad = { kvUsage: null, waiting: null };

/** Returns how to ask for one worker's; nulls for what did not answer in time. */
export async function askWorkerLoads(
  { workers, workerApiKey }: Pick<FleetSnapshot, "workers" | "workerApiKey">,
  metrics: EngineMetrics,
  fetch: Fetch,
): Promise<(worker: string) => WorkerLoad> {
  const headers: Record<string, string> = workerApiKey === null ? {} : { authorization: `Bearer ${workerApiKey}` };
  const asked = workers.filter(({ url, state }) =>
    url.startsWith("http") && (state.is === "ready" || state.is === "draining")
  );
  const loads = await Promise.all(asked.map(async ({ facts, url }): Promise<[string, WorkerLoad]> => {
    try {
      const answer = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(LIMIT_MS), headers });
      const text = await answer.text();
      return [facts.name, { kvUsage: sumOf(text, metrics.kvUsage), waiting: sumOf(text, metrics.waiting) }];
    } catch {
      return [facts.name, unknown];
    }
  }));
  const known = new Map(loads);
  return (worker) => known.get(worker) ?? unknown;
}
