// For connectors whose prefill keeps its KV only when it ends at the length limit: a first token that stops would leave
// decode waiting. `min_tokens: 1` keeps EOS and stop tokens from being that token; stop strings are looked for
// elsewhere, so they go. Source: vLLM, request_finished() of mooncake_connector.py and moriio_connector.py.

import type { ApiKind } from "./connector.ts";
import type { LegEdit } from "./leg_edit.ts";

export function mustNotStop(edit: LegEdit): LegEdit {
  return {
    set: { ...edit.set, min_tokens: 1 },
    drop: [...edit.drop, "stop", "stop_token_ids", "include_stop_str_in_output"],
    headers: edit.headers,
  };
}

/** Routes that pass `min_tokens` on to the sampler; on others prefill may stop all the same. */
export const stoppable: readonly ApiKind[] = ["completions", "chat"];

export function canHelpStopping(api: ApiKind): boolean {
  return stoppable.includes(api);
}
