// One request as the engine core knows it, and what it gives back.

import type { JsonObject } from "../json.ts";

export interface EngineRequest {
  /** Internal id, with the random suffix that vLLM appends: what `remote_request_id` holds. */
  readonly id: string;
  /** The same without the suffix: what push matches on. */
  readonly stem: string;
  readonly promptIds: readonly number[];
  readonly sampling: Sampling;
  /** Of the engine's own copy: a connector may change it. */
  readonly kvParams: JsonObject | null;
  readonly cacheSalt: string | null;
  /** How many alternatives per prompt token; null when not asked. Such a request reads no cache and pulls nothing. */
  readonly promptLogprobs: number | null;
  readonly arrivedMs: number;
}

export interface Sampling {
  readonly maxTokens: number;
  readonly minTokens: number;
  readonly temperature: number;
  readonly seed: number;
  /** Which of the n answers to the same prompt. */
  readonly index: number;
  readonly stop: readonly string[];
  readonly stopTokenIds: readonly number[];
  readonly ignoreEos: boolean;
  readonly n: number;
}

export type EngineOutput =
  | { readonly kind: "token"; readonly token: Token; readonly text: string; readonly finish: Finish | null }
  | { readonly kind: "ended"; readonly finish: Finish }
  | { readonly kind: "failed"; readonly cause: "engine_dead" | "kv_load" };

export interface Token {
  readonly id: number;
  /** What the model attended to when it chose this token; logprobs follow from it. */
  readonly attention: number;
}

export interface Finish {
  readonly reason: "stop" | "length" | "abort";
  /** The stop string or token that ended it; null for the end token. */
  readonly stopReason: string | number | null;
  readonly kvParams: JsonObject | null;
  readonly cachedTokens: number;
  /** Tokens newly put into the prefix cache by computing the prompt. */
  readonly cacheWriteTokens: number;
  /** One word per prompt position, what the model attended to before it; empty unless prompt logprobs were asked. */
  readonly promptAttention: readonly number[];
}
