// Are a prefill reply's params complete? Partial ones kill the decode engine, or leave the request waiting for ever.
// Seen on a real vLLM 0.32.0: params with only `do_remote_prefill: true` end the whole server within a second.

import type { Json } from "./json.ts";

/** What a member must be to count as there: `true`, a text, a whole number above 0, or block ids (flat or by group). */
export type Needed = "true" | "text" | "count" | "blocks";
export type Required = Readonly<Record<string, Needed>>;

/** Null when every required member is there and not empty; else one clause that names all that are not. */
export function whyIncomplete(params: Readonly<Record<string, Json>>, required: Required): string | null {
  const lacking = Object.entries(required).filter(([name, needed]) => !holds[needed](params[name]));
  return lacking.length === 0 ? null : `prefill's kv_transfer_params lack ${lacking.map(([name]) => name).join(", ")}`;
}

const holds: Readonly<Record<Needed, (value: Json | undefined) => boolean>> = {
  true: (value) => value === true,
  text: (value) => typeof value === "string" && value !== "",
  count: (value) => Number.isInteger(value) && Number(value) > 0,
  blocks: hasBlocks,
};

/** Newer engines send one list per KV cache group, and a group of a hybrid model may be empty; all empty is nothing. */
function hasBlocks(value: Json | undefined): boolean {
  return Array.isArray(value) && value.some((item) => typeof item === "number" || hasBlocks(item));
}
