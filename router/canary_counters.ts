// What a pair's own counters say about KV that came from outside.

import type { EngineMetrics } from "../supervisor/engines/engine.ts";
import type { Pair } from "./attempt.ts";
import { promptSourcesOf } from "./prompt_sources.ts";
import type { Slot } from "./roster.ts";
import type { RouterIo } from "./router_io.ts";
import { getFromWorker } from "./worker_get.ts";
import { sumOf } from "./worker_metrics.ts";

export type Counted =
  | {
    readonly is: "counted";
    /** Prompt tokens decode got from another engine. */
    readonly moved: number;
    /** Prompt tokens decode computed; null where the engine does not tell. */
    readonly recomputed: number | null;
    /** Null where the connector has no such counter, or has not counted yet. */
    readonly bytes: number | null;
  }
  | { readonly is: "failed"; readonly reason: string };

/**
 * What vLLM had before it counted tokens by source. It counts promises: it grows even when the transfer fails, so it
 * is read only where nothing better is there.
 */
const EXTERNAL_HITS = "vllm:external_prefix_cache_hits";
const LIMIT_MS = 5_000;

export async function readCounters({ prefill, decode }: Pair, io: RouterIo, metrics: EngineMetrics): Promise<Counted> {
  const { bytes } = io.connector.proof;
  const onDecode = await metricsOf(decode, io);
  if (typeof onDecode !== "string") return onDecode;
  const onPrefill = bytes?.on === "prefill" ? await metricsOf(prefill, io) : "";
  if (typeof onPrefill !== "string") return onPrefill;

  const { moved, recomputed } = promptSourcesOf(onDecode, metrics);
  return {
    is: "counted",
    moved: moved ?? sumOf(onDecode, EXTERNAL_HITS) ?? 0,
    recomputed,
    bytes: bytes === null ? null : scaled(sumOf(bytes.on === "prefill" ? onPrefill : onDecode, bytes.metric), bytes),
  };
}

function scaled(count: number | null, { unitBytes = 1 }: { readonly unitBytes?: number }): number | null {
  return count === null ? null : Math.round(count * unitBytes);
}

async function metricsOf(slot: Slot, io: RouterIo): Promise<string | { is: "failed"; reason: string }> {
  const where = { url: slot.worker.url, path: "/metrics", apiKey: io.roster.workerApiKey, limitMs: LIMIT_MS };
  const answer = await getFromWorker(io.upstream, where);
  if (answer.is === "failed") return { is: "failed", reason: `${slot.name} gave no metrics: ${answer.reason}` };
  if (answer.status !== 200) return { is: "failed", reason: `${slot.name} answered ${answer.status} for its metrics` };
  return answer.text;
}
