// What a generating request asks for, whichever route it came by, or how the engine refuses it.

import { encode, renderChat } from "../tokenizer.ts";
import { textOf } from "./media.ts";
import type { Sampling } from "./model.ts";
import type { SglangSettings } from "./settings.ts";

export type Api = "generate" | "completions" | "chat";

export interface Ask {
  readonly api: Api;
  readonly prompts: readonly (readonly number[])[];
  /** The request held a list, so the answer is one. */
  readonly isBatch: boolean;
  readonly sampling: Sampling;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly rid: string | null;
  readonly model: string;
  /** `return_logprob` of /generate, `logprobs` of the others. */
  readonly logprobs: boolean;
  readonly topLogprobs: number;
  /** First prompt token whose log-probability is told; null for none of them. */
  readonly logprobStart: number | null;
  readonly meeting: Meeting | null;
}

export interface Meeting {
  readonly host: string;
  readonly port: number;
  /** One for each prompt. */
  readonly rooms: readonly number[];
}

export interface Refusal {
  readonly status: number;
  readonly message: string;
}

type Body = Readonly<Record<string, unknown>>;

export function readAsk(api: Api, body: Body, settings: SglangSettings): Ask | Refusal {
  const params = (api === "generate" ? body.sampling_params ?? {} : body) as Body;
  const prompts = promptsOf(api, body);
  if ("message" in prompts) return prompts;
  const limit = Number(
    api === "generate" ? params.max_new_tokens ?? 128 : params.max_completion_tokens ?? params.max_tokens ?? 16,
  );
  if (limit < 0) return refuse(`max_new_tokens must be at least 0, got ${limit}.`);
  const temperature = Number(params.temperature ?? 1);
  if (!(temperature >= 0)) return refuse(`temperature must be a non-negative finite number, got ${temperature}.`);
  const tooLong = prompts.list.map((tokens) => whyTooLong(tokens.length, limit, settings)).find((why) => why !== null);
  if (tooLong !== undefined && tooLong !== null) return refuse(tooLong);
  const meeting = settings.mode === "null" ? null : meetingOf(body, prompts.list.length);
  if (meeting !== null && "message" in meeting) return meeting;
  const logprobs = api === "generate" ? body.return_logprob === true : Boolean(body.logprobs ?? false);
  return {
    ...{ api, prompts: prompts.list, isBatch: prompts.isBatch, logprobs, meeting },
    sampling: { temperature, maxNewTokens: limit, n: Number(params.n ?? 1), seed: Number(params.seed ?? 7) },
    stream: body.stream === true,
    includeUsage: (body.stream_options as Body | undefined)?.include_usage === true,
    rid: typeof body.rid === "string" ? body.rid : null,
    model: String(body.model ?? "default"),
    topLogprobs: Number(body.top_logprobs ?? (typeof body.logprobs === "number" ? body.logprobs : 0)),
    logprobStart: logprobs && typeof body.logprob_start_len === "number" && body.logprob_start_len >= 0
      ? body.logprob_start_len
      : null,
  };
}

function promptsOf(api: Api, body: Body): { list: number[][]; isBatch: boolean } | Refusal {
  if (api === "chat") {
    const messages = body.messages as { role: string; content: string }[];
    if (messages.length === 0) return refuse("Messages cannot be empty.");
    const texts = messages.map(({ role, content }) => ({ role, content: textOf(content) }));
    return { list: [encode(renderChat(texts, true))], isBatch: false };
  }
  const given = api === "completions" ? body.prompt : body.text ?? body.input_ids;
  if (given === undefined || given === null) {
    return refuse("Either text, input_ids or input_embeds should be provided.");
  }
  if (typeof given === "string") return { list: [encode(given)], isBatch: false };
  const list = given as (string | number | number[])[];
  if (typeof list[0] === "number") return { list: [list as number[]], isBatch: false };
  return { list: list.map((one) => typeof one === "string" ? encode(one) : one as number[]), isBatch: true };
}

function whyTooLong(prompt: number, answer: number, { contextLength }: SglangSettings): string | null {
  if (prompt >= contextLength) {
    return `The input (${prompt} tokens) is longer than the model's context length (${contextLength} tokens).`;
  }
  const total = prompt + answer;
  if (total <= contextLength) return null;
  return `Requested token count exceeds the model's maximum context length of ${contextLength} tokens. You requested a ` +
    `total of ${total} tokens: ${prompt} tokens from the input messages and ${answer} tokens for the completion. Please ` +
    "reduce the number of tokens in the input messages or the completion to fit within the limit.";
}

/** A scalar room of a batch is that of its first prompt. */
function meetingOf(body: Body, count: number): Meeting | Refusal {
  const room = body.bootstrap_room;
  if (room === undefined || room === null) {
    return refuse("Invalid request: Disaggregated request received without bootstrap room id. req.rid='");
  }
  const first = (value: unknown) => Array.isArray(value) ? value[0] : value;
  const rooms = Array.isArray(room) ? room.map(Number) : Array.from({ length: count }, (_, i) => Number(room) + i);
  return { host: String(first(body.bootstrap_host)), port: Number(first(body.bootstrap_port) ?? 8998), rooms };
}

function refuse(message: string): Refusal {
  return { status: 400, message };
}
