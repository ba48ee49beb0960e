// Log probabilities in the three shapes of the API.

import type { Token } from "../engine/request.ts";
import { likeliest, likelihood } from "../engine/sampler.ts";
import type { Json, JsonObject } from "../json.ts";
import { tokenText } from "../tokenizer.ts";

/** Completions: parallel lists. `offset` is where this piece of text begins. */
export function completionLogprobs(tokens: readonly Token[], top: number, offset: number): JsonObject {
  const offsets: number[] = [];
  let at = offset;
  for (const { id } of tokens) {
    offsets.push(at);
    at += tokenText(id).length;
  }
  return {
    text_offset: offsets,
    token_logprobs: tokens.map(({ id, attention }) => likelihood(attention, id).logprob),
    tokens: tokens.map(({ id }) => tokenText(id)),
    top_logprobs: tokens.map((token) => topByText(token, top)),
  };
}

/** Completions with echo: the prompt's tokens come first, the very first without a value. */
export function echoLogprobs(
  promptIds: readonly number[],
  promptAttention: readonly number[],
  tokens: readonly Token[],
  top: number,
): JsonObject {
  const prompt = promptIds.map((id, at) => ({ id, attention: promptAttention[at] ?? 0 }));
  const all = completionLogprobs([...prompt, ...tokens], top, 0);
  const noneFirst = (list: Json | undefined) => Array.isArray(list) ? [null, ...list.slice(1)] : [];
  return {
    ...all,
    token_logprobs: noneFirst(all["token_logprobs"]),
    top_logprobs: noneFirst(all["top_logprobs"]),
  };
}

/** Chat: one object a token. */
export function chatLogprobs(tokens: readonly Token[], top: number): JsonObject {
  return {
    content: tokens.map(({ id, attention }) => ({
      ...chatEntry(id, likelihood(attention, id).logprob),
      top_logprobs: likeliest(attention, top).map((candidate) => chatEntry(candidate.id, candidate.logprob)),
    })),
  };
}

/** `prompt_logprobs`: null for the first token, then the token itself and the likeliest others, by id. */
export function promptLogprobs(promptIds: readonly number[], promptAttention: readonly number[], top: number): Json {
  return promptIds.map((id, at) => {
    if (at === 0) return null;
    const attention = promptAttention[at] ?? 0;
    const { logprob, rank } = likelihood(attention, id);
    const entries: JsonObject = { [id]: { logprob, rank, decoded_token: tokenText(id) } };
    for (const [place, candidate] of likeliest(attention, top).entries()) {
      if (candidate.id === id) continue;
      entries[candidate.id] = { logprob: candidate.logprob, rank: place + 1, decoded_token: tokenText(candidate.id) };
    }
    return entries;
  });
}

function topByText(token: Token, top: number): JsonObject {
  const chosen = likelihood(token.attention, token.id).logprob;
  const others = likeliest(token.attention, top).map(({ id, logprob }) => [tokenText(id), logprob] as const);
  return Object.fromEntries([[tokenText(token.id), chosen], ...others]);
}

function chatEntry(id: number, logprob: number): JsonObject {
  const text = tokenText(id);
  return { token: text, logprob, bytes: [...new TextEncoder().encode(text)] };
}
