// POST /v1/responses: OpenAI's newer shape over the same chat. Nothing is stored.

import type { Finish } from "../engine/request.ts";
import { type Field, readBody } from "../http/read_body.ts";
import { failureMessage, type Reply, textReply } from "../http/reply.ts";
import { eventFrame } from "../http/sse.ts";
import { isObject, type Json, type JsonObject } from "../json.ts";
import type { Call } from "./api_server.ts";
import { prepareChat } from "./chat.ts";
import { externalId } from "./admit_call.ts";
import { collect, failureReply, generate } from "./generation.ts";
import { floatsShown, pythonFloat } from "./python_float.ts";
import { numberOr, numberOrNull, samplingFields } from "./sampling_params.ts";

const fields: Readonly<Record<string, Field>> = {
  ...samplingFields,
  max_output_tokens: { type: "int" },
  instructions: { type: "str" },
};

type ResponseCall = Extract<ReturnType<typeof prepareChat>, { readonly id: string }>;

export async function responses(call: Call): Promise<Reply> {
  const read = readBody(call.bodyText, call.headers.get("content-type"), fields);
  if (read.kind === "refused") return read.reply;
  const body: JsonObject = { ...read.body, messages: inputMessages(read.body) };
  const maxTokens = numberOrNull(body["max_output_tokens"]);
  const chat = prepareChat(call, body, maxTokens);
  if ("kind" in chat) return chat;
  const id = `resp_${externalId(call, body).replace(/^resp_/, "")}`;
  const prompts = chat.prompts.map(({ ids }) => ({ ids, stem: `${id}_0` }));
  const prepared: ResponseCall = { ...chat, id, prompts };
  if (body["stream"] === true) return { kind: "stream", frames: streamFrames(prepared) };
  return await wholeAnswer(prepared);
}

/** A string, or a list of messages; `instructions` come first as the system message. */
function inputMessages(body: JsonObject): Json[] {
  const { instructions, input } = body;
  const system = typeof instructions === "string" ? [{ role: "system", content: instructions }] : [];
  const turns = typeof input === "string" ? [{ role: "user", content: input }] : Array.isArray(input) ? input : [];
  return [...system, ...turns.filter((turn) => isObject(turn) && "role" in turn)];
}

async function wholeAnswer(prepared: ResponseCall): Promise<Reply> {
  const answers = await collect(prepared);
  if (answers === null || typeof answers === "string") return failureReply(answers);
  const answer = answers[0];
  const item = messageItem(newItemId(prepared), answer?.text ?? "");
  const end = answer && { finish: answer.finish, generated: answer.tokens.length };
  return textReply(200, "application/json", floatsShown(JSON.stringify(responseObject(prepared, [item], end ?? null))));
}

async function* streamFrames(prepared: ResponseCall): AsyncGenerator<string> {
  const itemId = newItemId(prepared);
  let sequence = 0;
  const frame = (type: string, members: JsonObject) =>
    eventFrame(type, floatsShown(JSON.stringify(sorted({ ...members, sequence_number: sequence++, type }))));
  const place = { item_id: itemId, output_index: 0, content_index: 0 };
  const started = responseObject(prepared, [], null);
  yield frame("response.created", { response: started });
  yield frame("response.in_progress", { response: started });
  const emptyItem = { id: itemId, content: [], role: "assistant", status: "in_progress", type: "message", phase: null };
  let text = "";
  let generated = 0;
  let end: Finish | null = null;
  for await (const { output } of generate(prepared)) {
    if (output.kind === "failed") {
      yield frame("error", { message: failureMessage(output.cause), code: "server_error" });
      return;
    }
    if (generated === 0) {
      yield frame("response.output_item.added", { item: emptyItem, output_index: 0 });
      yield frame("response.content_part.added", { ...place, part: textPart("", []) });
    }
    if (output.kind === "token") {
      generated += 1;
      text += output.text;
      if (output.text !== "") yield frame("response.output_text.delta", { ...place, delta: output.text, logprobs: [] });
    }
    end = output.finish;
  }
  const item = messageItem(itemId, text);
  yield frame("response.output_text.done", { ...place, logprobs: [], text });
  yield frame("response.content_part.done", { ...place, part: textPart(text, null) });
  yield frame("response.output_item.done", { item, output_index: 0 });
  const finished = responseObject(prepared, [item], end && { finish: end, generated });
  yield frame("response.completed", { response: finished });
}

function responseObject(
  { id, created, model, body, prompts }: ResponseCall,
  output: readonly JsonObject[],
  end: { readonly finish: Finish; readonly generated: number } | null,
): JsonObject {
  const cut = end?.finish.reason === "length";
  return {
    id,
    created_at: created,
    incomplete_details: cut ? { reason: "max_output_tokens" } : null,
    instructions: body["instructions"] ?? null,
    metadata: body["metadata"] ?? null,
    model,
    object: "response",
    output: [...output],
    parallel_tool_calls: true,
    temperature: pythonFloat(numberOr(body["temperature"], 1)),
    tool_choice: "none",
    tools: [],
    top_p: pythonFloat(numberOr(body["top_p"], 1)),
    background: false,
    max_output_tokens: body["max_output_tokens"] ?? null,
    max_tool_calls: null,
    previous_response_id: null,
    prompt: null,
    reasoning: null,
    service_tier: "auto",
    status: end === null ? "in_progress" : cut ? "incomplete" : "completed",
    text: null,
    top_logprobs: null,
    truncation: "disabled",
    usage: end && responseUsage(prompts[0]?.ids.length ?? 0, end.generated, end.finish),
    user: null,
    presence_penalty: pythonFloat(0),
    frequency_penalty: pythonFloat(0),
    kv_transfer_params: end?.finish.kvParams ?? null,
    ec_transfer_params: null,
    input_messages: null,
    output_messages: null,
  };
}

function responseUsage(input: number, output: number, finish: Finish): JsonObject {
  return {
    input_tokens: input,
    input_tokens_details: {
      cached_tokens: 0,
      cache_write_tokens: finish.cacheWriteTokens,
      input_tokens_per_turn: [],
      cached_tokens_per_turn: [],
    },
    output_tokens: output,
    output_tokens_details: {
      reasoning_tokens: 0,
      tool_output_tokens: 0,
      output_tokens_per_turn: [],
      tool_output_tokens_per_turn: [],
    },
    total_tokens: input + output,
  };
}

function messageItem(id: string, text: string): JsonObject {
  const content = [textPart(text, null)];
  return { id, content, role: "assistant", status: "completed", type: "message", phase: null };
}

function textPart(text: string, logprobs: Json): JsonObject {
  return { annotations: [], text, type: "output_text", logprobs };
}

function newItemId({ call }: ResponseCall): string {
  return `msg_${call.server.randomHex(16)}`;
}

/** Stream events have their members in alphabetical order. */
function sorted(event: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(event).sort(([a], [b]) => (a < b ? -1 : 1)));
}
