// The routes that go to workers, and what is particular to each.

import type { ApiKind } from "../kv/connector.ts";

export type Method = "GET" | "POST" | "DELETE";

export interface Route {
  readonly method: Method;
  /** As Hono writes it, e.g. `/v1/responses/:id`. */
  readonly path: string;
  /** The path workers know it by, where that is another. */
  readonly workerPath?: string;
  readonly api: ApiKind;
  /** Prefill and decode may be different workers. */
  readonly splits: boolean;
  /** Members that limit the answer's length, each of which must say 1 on the prefill leg. */
  readonly tokenLimits: readonly string[];
  /** The member that holds limits and sampling fields where they do not stand at the top level. */
  readonly samplingIn?: string;
  /** That member may be left out. */
  readonly samplingMayLack?: true;
  /** Runs the model, so only workers that may run it alone can serve it whole. */
  readonly generates: boolean;
}

const split = (path: string, api: ApiKind, tokenLimits: readonly string[]): Route => {
  return { method: "POST", path, api, splits: true, tokenLimits, generates: true };
};

// `max_completion_tokens` wins over `max_tokens` in vLLM, so one of them alone would not do.
const chatLimits = ["max_tokens", "max_completion_tokens"];

export const splitRoutes: readonly Route[] = [
  split("/v1/completions", "completions", ["max_tokens"]),
  split("/v1/chat/completions", "chat", chatLimits),
  split("/v1/responses", "responses", ["max_output_tokens"]),
  split("/v1/messages", "messages", ["max_tokens"]),
  // Tokens in, tokens out (vLLM): its limits are SamplingParams'.
  { ...split("/inference/v1/generate", "generate", ["max_tokens"]), samplingIn: "sampling_params" },
  // SGLang's own, text or tokens in, both out.
  { ...split("/generate", "generate", ["max_new_tokens"]), samplingIn: "sampling_params", samplingMayLack: true },
  // PRIME-RL's chat with the prompt as tokens; its client asks without `/v1`, its workers answer with it.
  split("/v1/chat/completions/tokens", "chat", chatLimits),
  { ...split("/chat/completions/tokens", "chat", chatLimits), workerPath: "/v1/chat/completions/tokens" },
];

const whole = (path: string, generates = false, method: Method = "POST"): Route => {
  return { method, path, api: "generate", splits: false, tokenLimits: [], generates };
};

/** Routes a client may use that one worker answers. */
export const wholeRoutes: readonly Route[] = [
  whole("/tokenize"),
  whole("/detokenize"),
  whole("/tokenizer_info", false, "GET"),
  whole("/v1/completions/render"),
  whole("/v1/completions/derender"),
  whole("/v1/chat/completions/render"),
  whole("/v1/chat/completions/derender"),
  whole("/v1/chat/completions/batch", true),
  whole("/v1/messages/count_tokens"),
  whole("/v1/embeddings"),
  whole("/v2/embed"),
  whole("/pooling"),
  whole("/classify"),
  whole("/score"),
  whole("/v1/score"),
  whole("/rerank"),
  whole("/v1/rerank"),
  whole("/v2/rerank"),
  whole("/generative_scoring", true),
  whole("/v1/audio/transcriptions", true),
  whole("/v1/audio/translations", true),
  whole("/v1/responses/:id", false, "GET"),
  whole("/v1/responses/:id/cancel"),
];

/** Families of paths that engines keep for clients; what stands in them and is not listed above goes to one worker too. */
const clientPaths = /^\/(v1|v2|inference\/v1)\/[\w./-]+$/;

/** What an administrator does to an engine, also where an engine has put it among its clients' paths. */
const adminWords =
  /adapter|abort|pause|resume|continue_gen|sleep|wake|weight|broadcast|cache|profile|collective|scal|fault|admin/i;

/** Every route of admin/, and of engines, that is no client's. */
export const adminPaths = new RegExp(`^/(workers|list_workers|(add|remove)_worker)(/|$)|${adminWords.source}`, "i");

/**
 * A path of the engine's that this table does not know. Not every path: engines also have routes that pause them, reset
 * their caches or change their weights, and those are an administrator's.
 */
export function unlistedRoute(method: string, path: string): Route | null {
  if (method !== "GET" && method !== "POST" && method !== "DELETE") return null;
  if (!clientPaths.test(path) || adminWords.test(path)) return null;
  // One name for all of them, or metrics would have a series for each path that somebody tries.
  return { ...whole("/other", method === "POST", method), workerPath: path };
}
