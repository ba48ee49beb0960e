// POST /v1/chat/completions.

import type { Token } from "../engine/request.ts";
import { type Field, readBody } from "../http/read_body.ts";
import type { Reply } from "../http/reply.ts";
import { dataFrame, DONE_FRAME, failureFrame } from "../http/sse.ts";
import { isObject, type Json, type JsonObject } from "../json.ts";
import type { Call } from "./api_server.ts";
import { encodeMedia, mediaOf, takeMedia } from "./encoded_media.ts";
import { chatPromptIds } from "./chat_prompt.ts";
import { admitCall, externalId } from "./admit_call.ts";
import { type Answer, collect, failureReply, generate, type GenerationInput, lengthProblem } from "./generation.ts";
import { chatLogprobs, promptLogprobs } from "./logprobs.ts";
import { numberOr, numberOrNull, readSampling, samplingFields } from "./sampling_params.ts";
import { chunkUsage, fullUsage, usageWish } from "./usage.ts";

const fields: Readonly<Record<string, Field>> = {
  ...samplingFields,
  messages: { type: "list", required: true },
  max_completion_tokens: { type: "int" },
  logprobs: { type: "bool" },
  top_logprobs: { type: "int" },
  tools: { type: "list" },
};

interface ChatCall extends GenerationInput {
  readonly id: string;
  readonly created: number;
  readonly model: string;
  /** Alternatives a token; null when logprobs were not asked. */
  readonly topLogprobs: number | null;
  readonly returnIds: boolean;
}

export async function chatCompletions(call: Call): Promise<Reply> {
  const read = readBody(call.bodyText, call.headers.get("content-type"), fields);
  if (read.kind === "refused") return read.reply;
  const { body } = read;
  const encoded = encodedReply(call, body);
  if (encoded !== null) return encoded;
  const prepared = prepareChat(call, body, numberOrNull(body["max_completion_tokens"] ?? body["max_tokens"]));
  if ("kind" in prepared) return prepared;
  if (body["stream"] === true) return { kind: "stream", frames: streamFrames(prepared) };
  return await wholeAnswer(prepared);
}

/** An encoder worker's answer has no text; null where this engine is none. */
function encodedReply(call: Call, body: JsonObject): Reply | null {
  const { settings: { encoder, servedNames }, media, violations } = call.server;
  if (encoder?.role !== "ec_producer") return null;
  const admitted = admitCall(call, body);
  if ("reply" in admitted) return admitted.reply;
  const hashes = mediaOf(body);
  if (hashes.length === 0) violations.record("text_to_encoder", "a chat without images on an encoder worker", null);
  const answer = {
    id: `chatcmpl-${externalId(call, body)}`,
    object: "chat.completion",
    model: String(body["model"] ?? servedNames[0]),
    choices: [{ index: 0, message: { role: "assistant", content: "" }, finish_reason: "stop" }],
    ec_transfer_params: encodeMedia(encoder, hashes, media),
  };
  return { kind: "whole", status: 200, type: "application/json", body: JSON.stringify(answer) };
}

/** Everything up to the engine. Messages and responses go this way too, as chats in other clothes. */
export function prepareChat(call: Call, body: JsonObject, maxTokens: number | null): ChatCall | Reply {
  const admitted = admitCall(call, body);
  if ("reply" in admitted) return admitted.reply;
  const ids = chatPromptIds(call.server, body);
  if ("kind" in ids) return ids;
  const kvParams = body["kv_transfer_params"];
  // A decode leg gets its KV, images included.
  const isDecodeLeg = isObject(kvParams) && kvParams["do_remote_prefill"] === true;
  if (!isDecodeLeg) takeMedia(call.server.settings.encoder, mediaOf(body), call.server.media);
  const read = readSampling(body, maxTokens);
  if (read.kind === "refused") return read.reply;
  const { settings, now } = call.server;
  const tooLong = lengthProblem(ids.length, maxTokens, settings.maxModelLen);
  if (tooLong) return tooLong;
  const id = `chatcmpl-${externalId(call, body)}`;
  return {
    call,
    engine: admitted.engine,
    prompts: [{ ids, stem: id }],
    sampling: read.sampling,
    body,
    promptLogprobs: numberOrNull(body["prompt_logprobs"]),
    id,
    created: Math.floor(now() / 1000),
    model: String(body["model"] ?? settings.servedNames[0]),
    topLogprobs: body["logprobs"] === true ? numberOr(body["top_logprobs"], 0) : null,
    returnIds: body["return_token_ids"] === true,
  };
}

async function wholeAnswer(chat: ChatCall): Promise<Reply> {
  const answers = await collect(chat);
  if (answers === null || typeof answers === "string") return failureReply(answers);
  const { call: { server }, prompts: [prompt] } = chat;
  const first = answers[0]?.finish;
  const ids = prompt?.ids ?? [];
  const generated = answers.reduce((sum, { tokens }) => sum + tokens.length, 0);
  const value: JsonObject = {
    id: chat.id,
    object: "chat.completion",
    created: chat.created,
    model: chat.model,
    choices: answers.map((answer, index) => choiceOf(chat, answer, index)),
    service_tier: null,
    system_fingerprint: server.fingerprint,
    usage: fullUsage(server, ids.length, generated, first ? [first] : []),
    prompt_logprobs: chat.promptLogprobs === null
      ? null
      : promptLogprobs(ids, first?.promptAttention ?? [], chat.promptLogprobs),
    prompt_token_ids: chat.returnIds ? [...ids] : null,
    prompt_text: null,
    kv_transfer_params: first?.kvParams ?? null,
    ec_transfer_params: null,
    metrics: null,
  };
  return { kind: "whole", status: 200, type: "application/json", body: JSON.stringify(value) };
}

function choiceOf(chat: ChatCall, { text, tokens, finish }: Answer, index: number): JsonObject {
  return {
    index,
    message: {
      role: "assistant",
      content: text,
      refusal: null,
      annotations: null,
      audio: null,
      function_call: null,
      reasoning: null,
    },
    logprobs: logprobsOf(chat, tokens),
    finish_reason: finish.reason,
    stop_reason: finish.stopReason,
    token_ids: chat.returnIds ? tokens.map(({ id }) => id) : null,
    routed_experts: null,
  };
}

async function* streamFrames(chat: ChatCall): AsyncGenerator<string> {
  const { call: { server }, sampling, prompts: [prompt] } = chat;
  const wish = usageWish(server, chat.body);
  const promptCount = prompt?.ids.length ?? 0;
  const counts = Array.from({ length: sampling.n }, () => 0);
  const head = { id: chat.id, object: "chat.completion.chunk", created: chat.created, model: chat.model };
  const usage = (tokens: number): JsonObject => wish.always ? { usage: continuous(promptCount, tokens) } : {};
  let begun = false;
  for await (const { choice, output } of generate(chat)) {
    if (output.kind === "failed") {
      yield failureFrame(output.cause);
      yield DONE_FRAME;
      return;
    }
    for (let index = 0; !begun && index < sampling.n; index++) {
      yield dataFrame({
        ...head,
        choices: [{ index, delta: { role: "assistant", content: "" }, logprobs: null, finish_reason: null }],
        ...usage(0),
        prompt_token_ids: chat.returnIds ? [...prompt?.ids ?? []] : null,
        prompt_text: null,
      });
    }
    begun = true;
    const tokens = output.kind === "token" ? [output.token] : [];
    counts[choice] = (counts[choice] ?? 0) + tokens.length;
    const { finish } = output;
    yield dataFrame({
      ...head,
      choices: [{
        index: choice,
        delta: { content: output.kind === "token" ? output.text : "" },
        logprobs: logprobsOf(chat, tokens),
        finish_reason: finish?.reason ?? null,
        ...(finish ? { stop_reason: finish.stopReason } : {}),
        token_ids: chat.returnIds ? tokens.map(({ id }) => id) : null,
      }],
      ...usage(counts[choice]),
      ...(finish && !wish.atEnd ? { system_fingerprint: server.fingerprint } : {}),
    });
  }
  const generated = counts.reduce((sum, tokens) => sum + tokens, 0);
  if (wish.atEnd) {
    const total = chunkUsage(promptCount, generated);
    yield dataFrame({ ...head, choices: [], usage: total, system_fingerprint: server.fingerprint });
  }
  yield DONE_FRAME;
}

/** Chat's continuous usage carries one null that the last usage does not (engine-facts.md §2.6). */
function continuous(promptCount: number, tokens: number): JsonObject {
  return { ...chunkUsage(promptCount, tokens), completion_tokens_details: null };
}

function logprobsOf(chat: ChatCall, tokens: readonly Token[]): Json {
  return chat.topLogprobs === null ? null : chatLogprobs(tokens, chat.topLogprobs);
}
