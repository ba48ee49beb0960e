// How many handoffs a prefill worker may have waiting, learned from its own memory: a finished prompt keeps its blocks until
// decode has fetched them, and a worker full of those computes nothing more. Connectors do not report it; the KV cache does.

import type { EngineMetrics } from "../supervisor/engines/engine.ts";
import type { RouterIo } from "./router_io.ts";
import type { Slot } from "./roster.ts";
import { getFromWorker } from "./worker_get.ts";
import { sumOf } from "./worker_metrics.ts";

export interface WindowWatch {
  look(): Promise<void>;
  close(): void;
}

const PERIOD_MS = 2_000;
const LIMIT_MS = 2_000;
/** Share of the KV cache in use. Above the first the window shrinks, below the second it grows again. */
const TIGHT = 0.95;
const ROOMY = 0.8;

export function makeWindowWatch(io: RouterIo, { kvUsage }: EngineMetrics): WindowWatch {
  const { maxHandoffs } = io.settings;
  const look = async () => {
    const used = io.roster.prefill.filter(({ window }) => window.inside > 0 || window.places < maxHandoffs);
    await Promise.all(used.map(async (slot) => {
      const usage = await usageOf(slot, io, kvUsage);
      const { window } = slot;
      if (usage === null) return;
      if (usage > TIGHT && window.inside > 1) window.resize(Math.max(1, Math.floor(window.inside * 0.75)));
      else if (usage < ROOMY) window.resize(Math.min(maxHandoffs, Math.ceil(window.places * 1.25)));
    }));
  };
  const timer = setInterval(() => void look(), PERIOD_MS);
  timer.unref();
  return { look, close: () => clearInterval(timer) };
}

async function usageOf({ worker }: Slot, { upstream, roster }: RouterIo, series: string): Promise<number | null> {
  const where = { url: worker.url, path: "/metrics", apiKey: roster.workerApiKey, limitMs: LIMIT_MS };
  const answer = await getFromWorker(upstream, where);
  return answer.is === "text" && answer.status === 200 ? sumOf(answer.text, series) : null;
}
