// Answers of the three generating routes, whole and as events, member by member as SGLang 0.5.23 writes them.

import { decode as textOf, tokenText } from "../tokenizer.ts";
import type { Part } from "./generate.ts";
import { computeSlots, likeliestTokens } from "./model.ts";
import type { Ask } from "./requests.ts";

/** What one prompt has brought so far. */
export interface Progress {
  readonly part: Part;
  readonly index: number;
  readonly ids: readonly number[];
  readonly logprobs: readonly number[];
  readonly finish: Finish | null;
  /** The first event of a stream. */
  readonly isFirst: boolean;
}

export type Finish =
  | { readonly type: "length"; readonly length: number }
  | { readonly type: "abort"; readonly message: string; readonly status_code: number | null; readonly err_type: null };

export interface Setting {
  readonly ask: Ask;
  readonly weightVersion: string;
  /** Of decode's answer, whose prompt was computed elsewhere. */
  readonly isDecode: boolean;
  readonly isPrefill: boolean;
  /** Seconds since 1970. */
  readonly now: number;
  readonly id: string;
}

type Json = Readonly<Record<string, unknown>>;

export function generateAnswer(progress: Progress, setting: Setting): Json {
  const { ids, finish } = progress;
  return { text: textOf(ids), output_ids: ids, meta_info: metaInfo(progress, setting, finish) };
}

function metaInfo({ part, ids, logprobs, isFirst }: Progress, setting: Setting, finish: Finish | null): Json {
  const { ask, weightVersion, isDecode, now } = setting;
  const isOver = finish !== null;
  const prefilled = { storage_prefetch_wait: 0.5, storage_staging_wait: 0.5, forward_entry_time: now };
  // One that never came to be computed has not been entered either.
  const isLost = finish?.type === "abort" && finish.status_code !== null;
  const entered = isLost ? {} : isDecode ? { forward_entry_time: now } : { ...prefilled, prefill_finished_time: now };
  const told = ask.logprobs
    ? {
      input_token_logprobs: part.inputLogprobs,
      output_token_logprobs: ids.map((id, at) => [logprobs[at], id, null]),
      output_token_logprobs_length: ids.length,
    }
    : {};
  return {
    ...{ id: part.rid, finish_reason: finish, prompt_tokens: part.tokens.length, weight_version: weightVersion },
    ...{
      num_retractions: 0,
      ...entered,
      queue_time: 0.0005,
      ...told,
      reasoning_tokens: 0,
      completion_tokens: ids.length,
    },
    ...{ cached_tokens: 0 },
    ...(isOver ? { weight_versions: [{ version: weightVersion, start: 0, end: ids.length }] } : {}),
    ...{ cached_tokens_details: null, dp_rank: null },
    ...(isOver ? timesAtEnd(setting, ids.length) : {}),
    ...(!isOver && isFirst ? { response_sent_to_client_ts: now } : {}),
  };
}

/** A whole answer of decode has its first token with its last, so nothing is known of its pace. */
function timesAtEnd({ ask, isDecode, isPrefill, now }: Setting, tokens: number): Json {
  const hasPace = tokens > 1 && !isPrefill && (ask.stream || !isDecode);
  const pace = hasPace ? { decode_throughput: 25.5 } : {};
  const start = { e2e_latency: 0.02, request_received_ts: now, first_token_latency: 0.01 };
  const [finished, sent] = [{ request_finished_ts: now }, { response_sent_to_client_ts: now }];
  const rest = ask.stream && tokens > 1 ? { ...sent, ...finished, ...pace } : { ...finished, ...pace, ...sent };
  return { ...start, api_server_dispatch_finish_ts: now, ...rest };
}

export function openAiAnswer(all: readonly Progress[], setting: Setting): Json {
  const { ask, weightVersion, now, id } = setting;
  const isChat = ask.api === "chat";
  const longest = Math.max(0, ...all.map(({ ids }) => ids.length));
  return {
    ...{ id, object: isChat ? "chat.completion" : "text_completion", created: Math.floor(now), model: ask.model },
    choices: all.map((progress, index) => ({
      index,
      ...(isChat
        ? { message: { role: "assistant", content: textOf(progress.ids), reasoning_content: null } }
        : { text: textOf(progress.ids) }),
      logprobs: logprobsOf(progress, ask),
      finish_reason: progress.finish?.type ?? null,
      matched_stop: null,
    })),
    usage: usageOf(all),
    metadata: { weight_version: weightVersion, weight_versions: [{ version: weightVersion, start: 0, end: longest }] },
  };
}

export function usageOf(all: readonly Progress[]): Json {
  // Several answers to one prompt count it once.
  const prompts = new Map(all.map(({ index, part }) => [index, part.tokens.length]));
  const prompt = [...prompts.values()].reduce((sum, length) => sum + length, 0);
  const completion = all.reduce((sum, { ids }) => sum + ids.length, 0);
  return {
    ...{ prompt_tokens: prompt, total_tokens: prompt + completion, completion_tokens: completion },
    ...{ prompt_tokens_details: null, reasoning_tokens: 0, completion_tokens_details: null },
  };
}

function logprobsOf({ part, ids, logprobs }: Progress, { api, logprobs: asked, topLogprobs }: Ask): Json | null {
  if (!asked) return null;
  const likely = (at: number) => likeliestTokens(computeSlots([...part.tokens, ...ids.slice(0, at)]), topLogprobs);
  if (api === "chat") {
    const one = (id: number, logprob: number) => ({ token: tokenText(id), bytes: [id], logprob });
    const content = ids.map((id, at) => ({
      ...one(id, logprobs[at] ?? 0),
      top_logprobs: likely(at).map((token) => one(token.id, token.logprob)),
    }));
    return { content };
  }
  return {
    text_offset: ids.map(() => -1),
    token_logprobs: logprobs,
    tokens: ids.map(tokenText),
    top_logprobs: ids.map((_, at) =>
      Object.fromEntries(likely(at).map((token) => [tokenText(token.id), token.logprob]))
    ),
  };
}

/** An event of the OpenAI routes: `text` is what came since the last one; null at the end, `role` at the start. */
export function openAiEvent(
  piece: { readonly text: string | null; readonly isFirst?: true; readonly finish: Finish | null },
  index: number,
  { ask, now, id }: Setting,
): Json {
  const isChat = ask.api === "chat";
  const delta = {
    reasoning_content: null,
    ...(piece.isFirst ? { role: "assistant", content: "" } : piece.text === null ? {} : { content: piece.text }),
  };
  return {
    ...{ id, object: isChat ? "chat.completion.chunk" : "text_completion", created: Math.floor(now), model: ask.model },
    choices: [{
      index,
      ...(isChat ? { delta } : { text: piece.text ?? "" }),
      ...{ logprobs: null, finish_reason: piece.finish?.type ?? null, matched_stop: null },
    }],
  };
}
