// Workers that accept requests, answer /health and make no token: a stopped or deadlocked engine looks like that (seen on
// a real vLLM: /health and /metrics stay 200 for as long as it lasts). Progress tells: while requests wait for a worker,
// its own counters must move. One whose counters stand still is put in quarantine, and who waits for it goes elsewhere.

import { Exchange } from "./exchange.ts";
import type { RouterIo } from "./router_io.ts";
import type { Slot } from "./roster.ts";
import { getFromWorker } from "./worker_get.ts";

export interface StallWatch {
  /** Compares the counters of each worker somebody waits for with those of the last look. */
  look(): Promise<void>;
  close(): void;
}

interface Seen {
  readonly counters: string;
  readonly generation: number;
  readonly sinceMs: number;
  /** Who waited then; a worker is only judged by one who waits still. */
  readonly waiting: ReadonlySet<Exchange>;
}

const LOOKS_PER_LIMIT = 4;
const LIMIT_MS = 2_000;

export function makeStallWatch(io: RouterIo): StallWatch {
  const { stallTimeoutMs } = io.settings;
  const lastSeen = new Map<string, Seen>();
  const look = async () => {
    if (io.weights.isHeld) return lastSeen.clear();
    const waiting = whoWaitsForWhom(io);
    for (const name of lastSeen.keys()) if (!waiting.has(name)) lastSeen.delete(name);
    await Promise.all([...waiting].map(async ([name, exchanges]) => {
      const slot = io.roster.named(name);
      const counters = slot === null ? null : await countersOf(slot, io);
      const before = lastSeen.get(name);
      if (slot === null || counters === null) return void lastSeen.delete(name);
      const { generation } = slot.worker;
      const stands = before?.counters === counters && before.generation === generation &&
        !before.waiting.isDisjointFrom(exchanges);
      if (!stands) lastSeen.set(name, { counters, generation, sinceMs: io.now(), waiting: exchanges });
      else if (io.now() - before.sinceMs >= stallTimeoutMs) expel(slot, exchanges, io);
    }));
  };
  const timer = setInterval(() => void look(), stallTimeoutMs / LOOKS_PER_LIMIT);
  timer.unref();
  return { look, close: () => clearInterval(timer) };
}

function expel(slot: Slot, waiting: ReadonlySet<Exchange>, io: RouterIo): void {
  const text = `${slot.name} makes no token although it answers: its counters stand still`;
  io.log("error", text, { worker: slot.name, waiting: waiting.size });
  io.metrics.stalls.add(slot.name);
  io.health.expel(slot.name);
  for (const exchange of waiting) exchange.giveUpOn({ is: "stalled", message: text, answered: false });
}

/** A decode worker is only waited for once prefill has done its part, or its silence is prefill's. */
function whoWaitsForWhom(io: RouterIo): ReadonlyMap<string, ReadonlySet<Exchange>> {
  const waiting = new Map<string, Set<Exchange>>();
  for (const entry of io.deadlines.watched) {
    if (!(entry instanceof Exchange)) continue;
    const name = entry.phase === "prefill" ? entry.prefill : entry.phase === "first token" ? entry.decode : null;
    if (name === null) continue;
    const already = waiting.get(name);
    if (already === undefined) waiting.set(name, new Set([entry]));
    else already.add(entry);
  }
  return waiting;
}

/** The engine's own samples: those of its HTTP server move with our own question. Null when there are none to judge by. */
async function countersOf({ worker }: Slot, { upstream, roster }: RouterIo): Promise<string | null> {
  const where = { url: worker.url, path: "/metrics", apiKey: roster.workerApiKey, limitMs: LIMIT_MS };
  const answer = await getFromWorker(upstream, where);
  if (answer.is === "failed" || answer.status !== 200) return null;
  const samples = answer.text.split("\n").filter((line) => line.startsWith("vllm:") || line.startsWith("sglang:"));
  return samples.length === 0 ? null : samples.join("\n");
}
