// The alarm for silent recompute: answers stay right and only get slow when a handoff stops working after the proof, so
// decode's own counters are looked at while it serves.

import type { EngineMetrics } from "../supervisor/engines/engine.ts";
import type { Slot } from "./roster.ts";
import type { RouterIo } from "./router_io.ts";
import { getFromWorker } from "./worker_get.ts";
import { promptSourcesOf } from "./prompt_sources.ts";

export interface RecomputeWatch {
  /** Reads the counters of each decode worker that was handed something since the last look. */
  look(): Promise<void>;
  close(): void;
}

interface Seen {
  readonly generation: number;
  readonly handedOver: number;
  readonly wholeStarted: number;
  readonly recomputed: number;
  readonly moved: number;
}

const PERIOD_MS = 10_000;
const LIMIT_MS = 2_000;

export function makeRecomputeWatch(io: RouterIo, names: EngineMetrics): RecomputeWatch {
  const lastSeen = new Map<string, Seen>();
  const look = async () => {
    for (const slot of io.roster.decode) {
      const before = lastSeen.get(slot.name);
      if (before !== undefined && before.handedOver === slot.handedOver) continue;
      const now = await readSeen(slot, io, names);
      if (now === null) continue;
      lastSeen.set(slot.name, now);
      if (before?.generation === now.generation) judge(slot, before, now, io);
    }
  };
  const timer = setInterval(() => void look(), PERIOD_MS);
  timer.unref();
  return { look, close: () => clearInterval(timer) };
}

function judge(slot: Slot, before: Seen, now: Seen, io: RouterIo): void {
  const requests = now.handedOver - before.handedOver;
  const tokens = now.recomputed - before.recomputed;
  // Requests served whole compute their prompts by right, so nothing can be said of a time that had one.
  if (slot.wholeRunning > 0 || now.wholeStarted !== before.wholeStarted) return;
  // Decode computes the last token to sample from; and the rest of a block where only whole blocks move.
  const isExpected = io.connector.proof.covers === "prompt" ? tokens <= requests : now.moved > before.moved;
  if (isExpected || tokens <= 0) return;
  io.metrics.recomputed.add(slot.name, tokens);
  const text = `${slot.name} computed ${tokens} prompt tokens although their KV was handed over; ` +
    `the handoff over ${io.connector.name} may have stopped working`;
  io.log("error", text, { worker: slot.name, tokens, requests });
}

async function readSeen(slot: Slot, io: RouterIo, names: EngineMetrics): Promise<Seen | null> {
  const { handedOver, wholeStarted, worker: { url, generation } } = slot;
  const where = { url, path: "/metrics", apiKey: io.roster.workerApiKey, limitMs: LIMIT_MS };
  const answer = await getFromWorker(io.upstream, where);
  if (answer.is === "failed" || answer.status !== 200) return null;
  const { moved, recomputed } = promptSourcesOf(answer.text, names);
  if (recomputed === null) return null;
  return { generation, handedOver, wholeStarted, recomputed, moved: moved ?? 0 };
}
