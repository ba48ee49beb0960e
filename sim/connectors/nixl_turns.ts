// NIXL's way back: a decode engine keeps the KV of its answer, and the next turn's prefill reads it (kv-protocols.md §4.4,
// golden transcripts, bidir/). Tokens are not compared: a prompt that does not go on from that answer gets wrong KV.

import type { EngineRequest } from "../engine/request.ts";
import type { JsonObject } from "../json.ts";
import type { EngineHost, LoadResult, Lookup } from "./connector.ts";

/** vLLM's defaults. */
const TTL_S = 480;
const THRESHOLD_TOKENS = 64;
const ADDRESS = ["remote_engine_id", "remote_request_id", "remote_host", "remote_port"];

/** How long decode keeps an answer's blocks; null where the engine is not launched for it. */
export function turnDurationMs({ connector: { extra } }: EngineHost): number | null {
  if (extra["bidirectional_kv_xfer"] !== true) return null;
  return Number(extra["decoder_kv_blocks_ttl"] ?? TTL_S) * 1000;
}

/** What decode says of the blocks, in a handoff object's words. */
export function asTurn({ remote_prefill_cached_tokens: _cached, ...params }: JsonObject, expiryS: number): JsonObject {
  return {
    ...params,
    do_remote_prefill: false,
    do_remote_decode: true,
    ...("remote_blocks_expiry_time" in params ? { remote_blocks_expiry_time: expiryS } : {}),
  };
}

export interface TurnReading {
  /** Reads `tokens` tokens that stand before the end of the given blocks. */
  read(tokens: number): Promise<LoadResult>;
  /** Nothing is wanted of the blocks: decode may free them. */
  decline(): void;
}

/** For a prefill whose params name a turn's blocks; null for any other. A read that fails is never heard of again. */
export function lookUpTurn(
  host: EngineHost,
  request: EngineRequest,
  params: JsonObject,
  localTokens: number,
  { read, decline }: TurnReading,
): Lookup | null {
  if (params["do_remote_decode"] !== true || turnDurationMs(host) === null) return null;
  if (!Array.isArray(params["remote_block_ids"]) || ADDRESS.some((name) => !(name in params))) return null;
  const tokens = Math.min(Number(params["remote_num_tokens"] ?? 0), request.promptIds.length) - localTokens;
  if (tokens < Number(host.connector.extra["kv_recompute_threshold"] ?? THRESHOLD_TOKENS)) {
    decline();
    return { kind: "none" };
  }
  const load = async (): Promise<LoadResult> => {
    const result = await read(tokens);
    return result.kind === "failed" ? await new Promise<LoadResult>(() => {}) : result;
  };
  return { kind: "load", tier: "p2p", tokens, load };
}
