// Looks after workers whether requests come or not: one that cannot be reached is in quarantine before the next request
// meets it, and one that can be reached again is back at once. Supervised workers have a watcher of their own as well;
// workers that somebody else started have only this.

import type { RouterIo } from "./router_io.ts";
import type { Slot } from "./roster.ts";
import { getFromWorker } from "./worker_get.ts";

export interface HealthProbe {
  /** Asks every ready worker once. */
  look(): Promise<void>;
  close(): void;
}

const PERIOD_MS = 5_000;
const LIMIT_MS = 5_000;

export function makeHealthProbe(io: RouterIo): HealthProbe {
  let isLooking = false;
  const look = async () => {
    if (isLooking || io.roster.phase !== "serving") return;
    isLooking = true;
    const { prefill, decode, regular } = io.roster;
    await Promise.all([...prefill, ...decode, ...regular].map((slot) => probe(slot, io)));
    isLooking = false;
  };
  const timer = setInterval(() => void look(), PERIOD_MS);
  timer.unref();
  return { look, close: () => clearInterval(timer) };
}

/** An engine that hangs answers this too (seen): what tells that it makes no token is stall_watch.ts. */
async function probe({ name, worker }: Slot, { upstream, roster, health }: RouterIo): Promise<void> {
  const where = { url: worker.url, path: "/health", apiKey: roster.workerApiKey, limitMs: LIMIT_MS };
  const answer = await getFromWorker(upstream, where);
  if (answer.is === "text" && answer.status < 500) health.probed(name);
  else health.blame(name, "gone");
}
