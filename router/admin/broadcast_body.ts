// The call that joins an engine to a trainer's broadcast: each engine needs its own place in it.
// Source: PRIME-RL's server_rank and rank_offset, vLLM's and SGLang's init_info and rank_offset.

import type { Slot } from "../roster.ts";

type Members = Record<string, unknown>;

/**
 * The caller's body for the worker at `index` of `slots`. A `server_rank` is its index, and a `rank_offset` counts the
 * ranks of the workers before it by their own sizes, so prefill and decode may differ in theirs.
 */
export function broadcastBody(body: Uint8Array, slots: readonly Slot[], index: number): Uint8Array {
  const members = parse(body);
  if (members === null) return body;
  const ranksBefore = slots.slice(0, index).reduce((sum, slot) => sum + ranksOf(slot), 0);
  const placed = place(members, slots.length, index, ranksBefore);
  const inner = placed.init_info;
  if (isObject(inner)) placed.init_info = place(inner, slots.length, index, ranksBefore);
  return new TextEncoder().encode(JSON.stringify(placed));
}

function place(members: Members, servers: number, index: number, ranksBefore: number): Members {
  const placed = { ...members };
  if ("server_rank" in placed) placed.server_rank = index;
  if ("num_inference_server" in placed) placed.num_inference_server = servers;
  if (typeof placed.rank_offset === "number") placed.rank_offset += ranksBefore;
  return placed;
}

function ranksOf({ worker: { facts: { tp, dp, pp } } }: Slot): number {
  return tp * dp * pp;
}

function parse(body: Uint8Array): Members | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body));
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
