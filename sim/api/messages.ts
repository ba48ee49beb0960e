// POST /v1/messages: Anthropic's shape over the same chat.

import type { Finish } from "../engine/request.ts";
import { type Field, readBody } from "../http/read_body.ts";
import { failureMessage, jsonReply, type Reply } from "../http/reply.ts";
import { eventFrame } from "../http/sse.ts";
import { isObject, type Json, type JsonObject } from "../json.ts";
import type { Call } from "./api_server.ts";
import { prepareChat } from "./chat.ts";
import { contentText } from "./chat_prompt.ts";
import { collect, failureReply, generate } from "./generation.ts";
import { numberOrNull, samplingFields } from "./sampling_params.ts";

const fields: Readonly<Record<string, Field>> = {
  ...samplingFields,
  model: { type: "str", required: true },
  messages: { type: "list", required: true },
  max_tokens: { type: "int", required: true },
};

type MessageCall = Extract<ReturnType<typeof prepareChat>, { readonly id: string }>;

export async function messages(call: Call): Promise<Reply> {
  const read = readBody(call.bodyText, call.headers.get("content-type"), fields);
  if (read.kind === "refused") return anthropicError(read.reply);
  const body = chatBody(read.body);
  const prepared = prepareChat(call, body, numberOrNull(body["max_tokens"]));
  if ("kind" in prepared) return anthropicError(prepared);
  if (body["stream"] === true) return { kind: "stream", frames: streamFrames(prepared) };
  return await wholeAnswer(prepared);
}

/** `system` becomes the first message; stop sequences get OpenAI's name. */
function chatBody(body: JsonObject): JsonObject {
  const system = body["system"] ?? null;
  const first = system === null ? [] : [{ role: "system", content: contentText(system) }];
  const turns = Array.isArray(body["messages"]) ? body["messages"] : [];
  return { ...body, messages: [...first, ...turns], stop: body["stop_sequences"] ?? null };
}

async function wholeAnswer(prepared: MessageCall): Promise<Reply> {
  const answers = await collect(prepared);
  if (answers === null || typeof answers === "string") return failureReply(answers);
  const answer = answers[0];
  const finish = answer?.finish;
  return jsonReply(200, {
    id: prepared.id,
    type: "message",
    role: "assistant",
    content: [{ type: "text", text: answer?.text ?? "" }],
    model: prepared.model,
    stop_reason: stopReason(finish),
    ...(typeof finish?.stopReason === "string" ? { stop_sequence: finish.stopReason } : {}),
    usage: { input_tokens: promptCount(prepared), output_tokens: answer?.tokens.length ?? 0 },
    ...(finish?.kvParams ? { kv_transfer_params: finish.kvParams } : {}),
  });
}

async function* streamFrames(prepared: MessageCall): AsyncGenerator<string> {
  const input = promptCount(prepared);
  let output = 0;
  let end: Finish | undefined;
  for await (const { output: piece } of generate(prepared)) {
    if (piece.kind === "failed") {
      yield frame("error", { error: { type: "internal_error", message: failureMessage(piece.cause) } });
      return;
    }
    if (output === 0) yield* opening(prepared, input);
    if (piece.kind === "token") {
      output += 1;
      if (piece.text !== "") {
        yield frame("content_block_delta", { delta: { type: "text_delta", text: piece.text }, index: 0 });
      }
    }
    if (piece.finish) end = piece.finish;
  }
  yield frame("content_block_stop", { index: 0 });
  yield frame("message_delta", {
    delta: { stop_reason: stopReason(end), stop_sequence: typeof end?.stopReason === "string" ? end.stopReason : null },
    usage: { input_tokens: input, output_tokens: output },
  });
  yield frame("message_stop", {});
}

function* opening(prepared: MessageCall, input: number): Generator<string> {
  yield frame("message_start", {
    message: {
      id: prepared.id,
      type: "message",
      role: "assistant",
      content: [],
      model: prepared.model,
      stop_reason: null,
      stop_sequence: null,
      usage: { input_tokens: input, output_tokens: 0 },
    },
  });
  yield frame("content_block_start", { content_block: { type: "text", text: "" }, index: 0 });
}

function frame(type: string, members: JsonObject): string {
  return eventFrame(type, JSON.stringify({ type, ...members }));
}

function stopReason(finish: Finish | undefined): string {
  if (finish?.reason === "length") return "max_tokens";
  return typeof finish?.stopReason === "string" ? "stop_sequence" : "end_turn";
}

function promptCount({ prompts }: MessageCall): number {
  return prompts[0]?.ids.length ?? 0;
}

/** The same refusal in Anthropic's envelope. */
function anthropicError(reply: Reply): Reply {
  if (reply.kind !== "whole") return reply;
  const value = JSON.parse(reply.body) as Json;
  const error = isObject(value) ? value["error"] : null;
  if (!isObject(error)) return reply;
  return jsonReply(reply.status, {
    type: "error",
    error: { type: error["type"] ?? null, message: error["message"] ?? null },
  });
}
