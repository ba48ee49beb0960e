// POST /v1/completions.

import { badRequest, type Reply } from "../http/reply.ts";
import { type Field, readBody } from "../http/read_body.ts";
import { dataFrame, DONE_FRAME, failureFrame } from "../http/sse.ts";
import type { Json, JsonObject } from "../json.ts";
import { decode, encode } from "../tokenizer.ts";
import type { Call } from "./api_server.ts";
import { admitCall, externalId } from "./admit_call.ts";
import { type Answer, collect, failureReply, generate, type GenerationInput, lengthProblem } from "./generation.ts";
import { completionLogprobs, echoLogprobs, promptLogprobs } from "./logprobs.ts";
import { numberOr, numberOrNull, readSampling, samplingFields } from "./sampling_params.ts";
import { chunkUsage, fullUsage, usageWish } from "./usage.ts";

const fields: Readonly<Record<string, Field>> = {
  ...samplingFields,
  echo: { type: "bool" },
  logprobs: { type: "int" },
  suffix: { type: "str" },
};
const DEFAULT_MAX_TOKENS = 16;

interface CompletionCall extends GenerationInput {
  readonly id: string;
  readonly created: number;
  readonly model: string;
  readonly echo: boolean;
  readonly logprobs: number | null;
  readonly returnIds: boolean;
}

export async function completions(call: Call): Promise<Reply> {
  const read = readBody(call.bodyText, call.headers.get("content-type"), fields);
  if (read.kind === "refused") return read.reply;
  const { body } = read;
  const prompts = promptTokens(body["prompt"]);
  if (!prompts) return badRequest("Either prompt or prompt_embeds must be provided and non-empty.", "prompt");
  const admitted = admitCall(call, body);
  if ("reply" in admitted) return admitted.reply;
  const echo = body["echo"] === true;
  const maxTokens = numberOr(body["max_tokens"], DEFAULT_MAX_TOKENS);
  const read2 = readSampling(body, maxTokens, echo);
  if (read2.kind === "refused") return read2.reply;
  const { settings, now } = call.server;
  const tooLong = prompts.map((ids) => lengthProblem(ids.length, maxTokens, settings.maxModelLen)).find(Boolean);
  if (tooLong) return tooLong;
  const id = `cmpl-${externalId(call, body)}`;
  const logprobs = numberOrNull(body["logprobs"]);
  const completion: CompletionCall = {
    call,
    engine: admitted.engine,
    prompts: prompts.map((ids, at) => ({ ids, stem: `${id}-${at}` })),
    sampling: { ...read2.sampling, maxTokens: Math.max(1, maxTokens) },
    body,
    promptLogprobs: numberOrNull(body["prompt_logprobs"]) ?? (echo ? logprobs : null),
    id,
    created: Math.floor(now() / 1000),
    model: String(body["model"] ?? settings.servedNames[0]),
    echo,
    logprobs,
    returnIds: body["return_token_ids"] === true,
  };
  if (body["stream"] === true) return { kind: "stream", frames: streamFrames(completion) };
  return await wholeAnswer(completion);
}

/** A string, token ids, or a list of either; null when there is nothing in it. */
function promptTokens(prompt: Json | undefined): readonly (readonly number[])[] | null {
  if (typeof prompt === "string") return prompt === "" ? null : [encode(prompt)];
  if (!Array.isArray(prompt) || prompt.length === 0) return null;
  if (prompt.every((item) => typeof item === "number")) return [prompt];
  const each = prompt.map((item) =>
    Array.isArray(item) ? item.map(Number) : typeof item === "string" ? encode(item) : []
  );
  return each.some((ids) => ids.length === 0) ? null : each;
}

async function wholeAnswer(completion: CompletionCall): Promise<Reply> {
  const answers = await collect(completion);
  if (answers === null || typeof answers === "string") return failureReply(answers);
  const { call: { server }, prompts } = completion;
  const promptCount = prompts.reduce((sum, { ids }) => sum + ids.length, 0);
  const onlyEcho = completion.echo && completion.body["max_tokens"] === 0;
  const generated = onlyEcho ? 0 : answers.reduce((sum, { tokens }) => sum + tokens.length, 0);
  const value: JsonObject = {
    id: completion.id,
    object: "text_completion",
    created: completion.created,
    model: completion.model,
    choices: answers.map((answer, index) => choiceOf(completion, answer, index, onlyEcho)),
    service_tier: null,
    system_fingerprint: server.fingerprint,
    usage: fullUsage(server, promptCount, generated, answers.map(({ finish }) => finish)),
    kv_transfer_params: answers[0]?.finish.kvParams ?? null,
    ec_transfer_params: null,
    metrics: null,
  };
  return { kind: "whole", status: 200, type: "application/json", body: JSON.stringify(value) };
}

function choiceOf(completion: CompletionCall, answer: Answer, index: number, onlyEcho: boolean): JsonObject {
  const { echo, logprobs, returnIds, promptLogprobs: promptTop } = completion;
  const { prompt, finish } = answer;
  const tokens = onlyEcho ? [] : answer.tokens;
  const shown = logprobs === null
    ? null
    : echo
    ? echoLogprobs(prompt.ids, finish.promptAttention, tokens, logprobs)
    : completionLogprobs(tokens, logprobs, 0);
  return {
    index,
    text: (echo ? decode(prompt.ids) : "") + (onlyEcho ? "" : answer.text),
    logprobs: shown,
    finish_reason: finish.reason,
    stop_reason: finish.stopReason,
    token_ids: returnIds ? tokens.map(({ id }) => id) : null,
    prompt_logprobs: promptTop === null ? null : promptLogprobs(prompt.ids, finish.promptAttention, promptTop),
    prompt_token_ids: returnIds ? [...prompt.ids] : null,
    routed_experts: null,
  };
}

async function* streamFrames(completion: CompletionCall): AsyncGenerator<string> {
  const { call: { server }, prompts, sampling, returnIds, logprobs } = completion;
  const wish = usageWish(server, completion.body);
  const sent = new Map<number, { tokens: number; characters: number }>();
  const head = { id: completion.id, object: "text_completion", created: completion.created, model: completion.model };
  let generated = 0;
  for await (const { choice, output } of generate(completion)) {
    if (output.kind === "failed") {
      yield failureFrame(output.cause);
      yield DONE_FRAME;
      return;
    }
    const prompt = prompts[Math.floor(choice / sampling.n)]!;
    const before = sent.get(choice) ?? { tokens: 0, characters: 0 };
    const first = before.tokens === 0;
    const tokens = output.kind === "token" ? [output.token] : [];
    const text = (first && completion.echo ? decode(prompt.ids) : "") + (output.kind === "token" ? output.text : "");
    sent.set(choice, { tokens: before.tokens + tokens.length, characters: before.characters + text.length });
    generated += tokens.length;
    const { finish } = output;
    yield dataFrame({
      ...head,
      choices: [{
        index: choice,
        text,
        logprobs: logprobs === null ? null : completionLogprobs(tokens, logprobs, before.characters),
        finish_reason: finish?.reason ?? null,
        stop_reason: finish?.stopReason ?? null,
        prompt_token_ids: returnIds && first ? [...prompt.ids] : null,
        token_ids: returnIds ? tokens.map(({ id }) => id) : null,
      }],
      ...(finish && !wish.atEnd ? { system_fingerprint: server.fingerprint } : {}),
      ...(wish.always ? { usage: chunkUsage(prompt.ids.length, before.tokens + tokens.length) } : {}),
    });
  }
  if (wish.atEnd) {
    const promptCount = prompts.reduce((sum, { ids }) => sum + ids.length, 0);
    const usage = chunkUsage(promptCount, generated);
    yield dataFrame({ ...head, choices: [], usage, system_fingerprint: server.fingerprint });
  }
  yield DONE_FRAME;
}
