// SGLang's variables of its disaggregation that a user may give: SGLang does not tell when it knows none of that name.
// Source: srt/environ.py of 0.5.23.

import { nearestName } from "../../kv/nearest_name.ts";

const known = [
  ...["BOOTSTRAP_TIMEOUT", "WAITING_TIMEOUT", "HEARTBEAT_INTERVAL", "HEARTBEAT_MAX_FAILURE", "QUEUE_SIZE"],
  ...["THREAD_POOL_SIZE", "ENGINE_INIT_TIMEOUT", "NIXL_BACKEND", "NIXL_BACKEND_PARAMS", "ZMQ_SEND_TIMEOUT"],
  ...["ZMQ_MAX_SOCKETS", "ALL_CP_RANKS_TRANSFER", "FORCE_QUERY_PREFILL_DP_RANK", "SAMPLING_MASK_MAX_TOKENS"],
  ...["BOOTSTRAP_ENTRY_CLEANUP_INTERVAL", "DEFERRED_DECODE_KV_RELEASE", "DEFERRED_DECODE_KV_RELEASE_TIMEOUT"],
].map((name) => `SGLANG_DISAGGREGATION_${name}`);

/** Those that slime's own patch of SGLang reads. */
const slimes: Readonly<Record<string, string>> = {
  SGLANG_DISAGGREGATION_TRANSFER_TIMEOUT:
    "only slime's patched SGLang reads it; SGLANG_DISAGGREGATION_BOOTSTRAP_TIMEOUT ends prefill's wait, and " +
    "SGLANG_DISAGGREGATION_WAITING_TIMEOUT decode's",
};

export function whyUselessSglangVariable(name: string): string | null {
  if (slimes[name] !== undefined) return slimes[name];
  if (!name.startsWith("SGLANG_DISAGGREGATION_") || known.includes(name)) return null;
  const nearest = nearestName(name, known);
  return `SGLang reads no variable of that name${nearest === null ? "" : `; did you mean ${nearest}?`}`;
}
