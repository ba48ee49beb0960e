// Looks after workers whether requests come or not: one that cannot be reached is in quarantine before the next request
// meets it, and one that can be reached again is back at once. Supervised workers have a watcher of their own as well;
// workers that somebody else started have only this.

import type { ProbeTimes, RouterIo } from "./router_io.ts";
import type { Slot } from "./roster.ts";
import { getFromWorker } from "./worker_get.ts";

export interface HealthProbe {
  /** Asks every ready worker once. */
  look(): Promise<void>;
  close(): void;
}

const LEAST_INTERVAL_MS = 100;
const usualTimes: ProbeTimes = { intervalMs: 5_000, timeoutMs: 5_000, firstWaitMs: 0 };

export function makeHealthProbe(io: RouterIo): HealthProbe {
  const { probe: times = usualTimes } = io.settings;
  const isDue = makeFirstWait(times.firstWaitMs, io.now);
  let isLooking = false;
  const look = async () => {
    if (isLooking || io.roster.phase !== "serving" || io.weights.isHeld) return;
    isLooking = true;
    const { prefill, decode, regular } = io.roster;
    const due = [...prefill, ...decode, ...regular].filter(isDue);
    await Promise.all(due.map((slot) => probe(slot, times.timeoutMs, io)));
    isLooking = false;
  };
  const timer = setInterval(() => void look(), Math.max(LEAST_INTERVAL_MS, times.intervalMs));
  timer.unref();
  return { look, close: () => clearInterval(timer) };
}

/** Whether a process of a worker has been seen for so long. */
function makeFirstWait(waitMs: number, now: () => number): (slot: Slot) => boolean {
  const firstSeen = new Map<string, number>();
  return ({ name, worker }) => {
    const process = `${name}#${worker.generation}`;
    const sinceMs = firstSeen.get(process) ?? now();
    firstSeen.set(process, sinceMs);
    return now() - sinceMs >= waitMs;
  };
}

/** An engine that hangs answers this too (seen): what tells that it makes no token is stall_watch.ts. */
async function probe({ name, worker }: Slot, limitMs: number, { upstream, roster, health }: RouterIo): Promise<void> {
  const where = { url: worker.url, path: "/health", apiKey: roster.workerApiKey, limitMs };
  const answer = await getFromWorker(upstream, where);
  if (answer.is === "text" && answer.status < 500) health.probed(name);
  else health.blame(name, "gone");
}
