// Whether a waiting request can start: what the prefix cache has, what a connector can bring, and blocks for the rest.

import type { Connector, Load, Lookup } from "../connectors/connector.ts";
import type { BlockPool } from "../kv/block_pool.ts";
import type { EngineMetrics } from "../metrics/engine_metrics.ts";
import { type ActiveRequest, adoptSlots } from "./active_request.ts";

export type Admission =
  | { readonly kind: "admitted" }
  | { readonly kind: "load"; readonly load: Load }
  | { readonly kind: "later"; readonly until: Promise<void> }
  | { readonly kind: "no_room" }
  | { readonly kind: "death"; readonly error: string };

export interface AdmissionContext {
  readonly pool: BlockPool;
  readonly metrics: EngineMetrics;
  readonly connector: Connector | null;
  readonly prefixCaching: boolean;
}

export function admit(active: ActiveRequest, context: AdmissionContext): Admission {
  const { pool, metrics, connector } = context;
  const { request } = active;
  const promptTokens = active.tokens.length;
  const cached = cachedBlocks(active, context);
  const cachedTokens = cached.length * pool.blockSize;
  const mayLoad = connector !== null && request.promptLogprobs === null && !active.loadFailed &&
    active.preemptions === 0;
  const lookup = mayLoad ? connector.lookup(request, cachedTokens) : { kind: "none" } as const;
  if (lookup.kind === "death" || lookup.kind === "later") return lookup;
  pool.hold(cached);
  const fresh = pool.take(Math.ceil(promptTokens / pool.blockSize) - cached.length);
  if (!fresh) {
    pool.release(cached);
    return { kind: "no_room" };
  }
  active.blocks = [...cached, ...fresh];
  active.cachedTokens = cachedTokens;
  adoptSlots(active, pool, cachedTokens);
  count(active, metrics, connector, lookup);
  return lookup.kind === "none" ? { kind: "admitted" } : { kind: "load", load: lookup };
}

/** Full blocks found by content, but never the whole prompt: the last token is always computed. */
function cachedBlocks(active: ActiveRequest, { pool, prefixCaching }: AdmissionContext): number[] {
  const found: number[] = [];
  if (!prefixCaching || active.request.promptLogprobs !== null || active.preemptions > 0) return found;
  const most = Math.floor((active.request.promptIds.length - 1) / pool.blockSize);
  for (const name of active.names.slice(0, most)) {
    const id = pool.find(name);
    if (id === null) break;
    found.push(id);
  }
  return found;
}

function count(active: ActiveRequest, metrics: EngineMetrics, connector: Connector | null, lookup: Lookup): void {
  if (active.loadFailed || active.preemptions > 0) return;
  const promptTokens = active.request.promptIds.length;
  metrics.add("prefix_cache_queries", promptTokens);
  metrics.add("prefix_cache_hits", active.cachedTokens);
  metrics.add("prompt_tokens_cached_by_source", active.cachedTokens, "device");
  if (!connector) return;
  metrics.add("external_prefix_cache_queries", promptTokens - active.cachedTokens);
  if (lookup.kind !== "load" && lookup.kind !== "block") return;
  metrics.add("external_prefix_cache_hits", lookup.tokens);
  metrics.add("prompt_tokens_cached_by_source", lookup.tokens, lookup.tier);
}
