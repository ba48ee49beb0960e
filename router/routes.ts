// The routes that go to workers, and what is particular to each.

import type { ApiKind } from "../kv/connector.ts";
import { isClosedPath } from "./closed_paths.ts";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

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

/** SageMaker's one path for all APIs (vLLM): what stands in the body says which of them it is. */
export const invocations = {
  chat: split("/invocations", "chat", chatLimits),
  completions: split("/invocations", "completions", ["max_tokens"]),
} as const;

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
  // What is neither a chat nor a completion.
  whole("/invocations"),
  whole("/v1/responses/:id", false, "GET"),
  whole("/v1/responses/:id/cancel"),
];

/** Letters that a path of an engine has, and the percent signs of others; nothing else is taken for one. */
const enginePath = /^\/[\w.~:@%!$&'()*+,;=-][\w./~:@%!$&'()*+,;=-]*$/;

const methods: readonly string[] = ["GET", "POST", "PUT", "PATCH", "DELETE"] satisfies readonly Method[];

/**
 * A path of the engine's that this table does not know, today's or a later version's: it goes whole to one worker. Not
 * those by which an administrator changes engines.
 */
export function unlistedRoute(method: string, path: string): Route | null {
  if (!methods.includes(method) || !enginePath.test(path) || isClosedPath(path)) return null;
  // One name for all of them, or metrics would have a series for each path that somebody tries.
  return { ...whole("/other", method === "POST", method as Method), workerPath: path };
}
