// NIXL's way back: prefill reads the KV of a session's turn before from decode. What must be known before it may, because
// the engine does not compare tokens and keeps what is wrong in its prefix cache.
// Source: vLLM distributed/kv_transfer/kv_connector/v1/nixl/pull_scheduler.py, seen on a real 0.32.0.

import type { ExtraConfig } from "./connector.ts";
import type { Json } from "./json.ts";

/** What both sides are launched with; decode keeps the KV of every answer of a split request that long. */
export function readsBack(ttlMs: number): ExtraConfig {
  return { bidirectional_kv_xfer: true, decoder_kv_blocks_ttl: Math.round(ttlMs / 1000) };
}

type Params = Readonly<Record<string, Json>>;

/** vLLM's `kv_recompute_threshold`: for fewer tokens prefill computes rather than reads. */
const LEAST_TOKENS = 64;
/** Block sizes are multiples of it on every backend. */
const BLOCK_UNIT = 16;

/**
 * The params of decode's answer as prefill may have them when the new prompt begins with `matching` tokens of the turn
 * before: all of them, or the whole blocks that match. Null where there is too little to read, or where it cannot be told
 * which blocks hold which tokens.
 */
export function paramsForPrefill(params: Params | null, matching: number): Params | null {
  if (params === null || !isAnswerOfDecode(params)) return null;
  const held = params.remote_num_tokens as number;
  const blocks = blocksOf(params);
  // Several groups: sliding windows and state layers, whose blocks do not lie from the first token on.
  if (blocks === null || matching < LEAST_TOKENS) return null;
  if (matching >= held) return params;
  const size = blockSizeOf(held, blocks.length);
  const count = size === null ? 0 : Math.floor(matching / size);
  if (size === null || count * size < LEAST_TOKENS) return null;
  return { ...params, remote_block_ids: [blocks.slice(0, count)], remote_num_tokens: count * size };
}

/** How many of the prompt's and the answer's tokens have their KV in decode's blocks: the last one's is never computed. */
export function tokensHeld(params: Params | null): number {
  const held = params?.remote_num_tokens;
  return typeof held === "number" && Number.isInteger(held) && held > 0 ? held : 0;
}

const texts = ["remote_engine_id", "remote_request_id", "remote_host"] as const;
const counts = ["remote_port", "tp_size", "remote_num_tokens"] as const;

function isAnswerOfDecode(params: Params): boolean {
  return params.do_remote_decode === true && params.do_remote_prefill === false &&
    texts.every((name) => typeof params[name] === "string" && params[name] !== "") &&
    counts.every((name) => Number.isInteger(params[name]) && (params[name] as number) > 0);
}

function blocksOf({ remote_block_ids: groups }: Params): readonly Json[] | null {
  if (!Array.isArray(groups) || groups.length !== 1) return null;
  const [blocks] = groups;
  return Array.isArray(blocks) && blocks.length > 0 && blocks.every(Number.isInteger) ? blocks : null;
}

/** Engines do not tell it. Null unless exactly one size puts `tokens` into that many blocks. */
function blockSizeOf(tokens: number, blocks: number): number | null {
  const least = Math.ceil(tokens / blocks / BLOCK_UNIT) * BLOCK_UNIT;
  const fits = (size: number) => Math.ceil(tokens / size) === blocks;
  return fits(least) && !fits(least + BLOCK_UNIT) ? least : null;
}
