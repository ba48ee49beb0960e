// Sampling parameters out of a request body, and vLLM's refusals of bad ones.

import type { Sampling } from "../engine/request.ts";
import type { Json, JsonObject } from "../json.ts";
import { badRequest, type Reply } from "../http/reply.ts";
import type { Field } from "../http/read_body.ts";

/** Members that completions, chat and the others share. */
export const samplingFields: Readonly<Record<string, Field>> = {
  model: { type: "str" },
  max_tokens: { type: "int" },
  min_tokens: { type: "int" },
  n: { type: "int" },
  temperature: { type: "float" },
  top_p: { type: "float" },
  top_k: { type: "int" },
  seed: { type: "int" },
  stream: { type: "bool" },
  stream_options: { type: "dict" },
  stop_token_ids: { type: "list" },
  ignore_eos: { type: "bool" },
  return_token_ids: { type: "bool" },
  prompt_logprobs: { type: "int" },
  cache_salt: { type: "str" },
  request_id: { type: "str" },
  priority: { type: "int" },
  kv_transfer_params: { type: "dict" },
  ec_transfer_params: { type: "dict" },
};

export type SamplingRead =
  | { readonly kind: "sampling"; readonly sampling: Omit<Sampling, "index"> }
  | { readonly kind: "refused"; readonly reply: Reply };

/** `maxTokens`: from whichever member the route takes it; null means up to the context length. */
export function readSampling(body: JsonObject, maxTokens: number | null, mayBeZero = false): SamplingRead {
  const n = numberOr(body["n"], 1);
  const minTokens = numberOr(body["min_tokens"], 0);
  const temperature = numberOr(body["temperature"], 1);
  const topP = numberOr(body["top_p"], 1);
  const problem = maxTokens !== null && maxTokens < (mayBeZero ? 0 : 1)
    ? badRequest(`max_tokens must be at least 1, got ${maxTokens}.`, "max_tokens", maxTokens)
    : n < 1
    ? badRequest(`n must be at least 1, got ${n}.`)
    : temperature < 0
    ? badRequest(`temperature must be non-negative, got ${temperature}.`, "temperature", temperature)
    : topP <= 0 || topP > 1
    ? badRequest(`top_p must be in (0, 1], got ${topP}.`, "top_p", topP)
    : minTokens < 0
    ? badRequest(`min_tokens must be greater than or equal to 0, got ${minTokens}.`)
    : maxTokens !== null && minTokens > maxTokens
    ? badRequest(`min_tokens must be less than or equal to max_tokens=${maxTokens}, got ${minTokens}.`)
    : n > 1 && temperature === 0
    ? badRequest(`n must be 1 when using greedy sampling, got ${n}.`)
    : null;
  if (problem) return { kind: "refused", reply: problem };
  return {
    kind: "sampling",
    sampling: {
      maxTokens: maxTokens ?? Infinity,
      minTokens,
      temperature,
      seed: numberOr(body["seed"], 0),
      stop: textList(body["stop"]),
      stopTokenIds: Array.isArray(body["stop_token_ids"]) ? body["stop_token_ids"].map(Number) : [],
      ignoreEos: body["ignore_eos"] === true,
      n,
    },
  };
}

export function numberOr(value: Json | undefined, fallback: number): number {
  return value === null || value === undefined ? fallback : Number(value);
}

/** A member that may be missing or null; pydantic turns numeric strings into numbers. */
export function numberOrNull(value: Json | undefined): number | null {
  return value === null || value === undefined ? null : Number(value);
}

function textList(value: Json | undefined): readonly string[] {
  if (typeof value === "string") return [value];
  return Array.isArray(value) ? value.map(String) : [];
}
