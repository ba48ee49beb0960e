// The routes that go to workers, and what is particular to each.

import type { ApiKind } from "../kv/connector.ts";

export interface Route {
  readonly method: "GET" | "POST";
  /** As Hono writes it, e.g. `/v1/responses/:id`. */
  readonly path: string;
  readonly api: ApiKind;
  /** Members that limit the answer's length, each of which must say 1 on the prefill leg; empty: never split. */
  readonly tokenLimits: readonly string[];
  /** Runs the model, so only workers that may run it alone can serve it whole. */
  readonly generates: boolean;
}

const split = (path: string, api: ApiKind, tokenLimits: readonly string[]): Route => {
  return { method: "POST", path, api, tokenLimits, generates: true };
};

export const splitRoutes: readonly Route[] = [
  split("/v1/completions", "completions", ["max_tokens"]),
  // `max_completion_tokens` wins over `max_tokens` in vLLM, so one of them alone would not do.
  split("/v1/chat/completions", "chat", ["max_tokens", "max_completion_tokens"]),
  split("/v1/responses", "responses", ["max_output_tokens"]),
  split("/v1/messages", "messages", ["max_tokens"]),
];

const whole = (path: string, generates = false, method: Route["method"] = "POST"): Route => {
  return { method, path, api: "generate", tokenLimits: [], generates };
};

/**
 * Routes a client may use that one worker answers. A list and not "everything else": engines also have routes that
 * pause them, reset their caches or change their weights, and those are an administrator's.
 */
export const wholeRoutes: readonly Route[] = [
  whole("/tokenize"),
  whole("/detokenize"),
  whole("/v1/completions/render"),
  whole("/v1/chat/completions/render"),
  whole("/v1/messages/count_tokens"),
  whole("/v1/embeddings"),
  whole("/pooling"),
  whole("/classify"),
  whole("/score"),
  whole("/v1/score"),
  whole("/rerank"),
  whole("/v1/rerank"),
  whole("/v2/rerank"),
  whole("/v1/audio/transcriptions", true),
  whole("/v1/audio/translations", true),
  whole("/inference/v1/generate", true),
  whole("/v1/responses/:id", false, "GET"),
  whole("/v1/responses/:id/cancel"),
];
