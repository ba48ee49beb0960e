// From a checked HTTP request to requests in an engine, and their outputs back in the order they happen.

import type { Engine } from "../engine/engine.ts";
import type { EngineOutput, EngineRequest, Finish, Sampling, Token } from "../engine/request.ts";
import { badRequest, errorReply, failureMessage, type Reply } from "../http/reply.ts";
import { isObject, type JsonObject } from "../json.ts";
import type { Call } from "./api_server.ts";

export interface Prompt {
  readonly ids: readonly number[];
  /** Internal id without suffix, e.g. `cmpl-<x>-0`. */
  readonly stem: string;
}

export interface ChoiceOutput {
  readonly choice: number;
  readonly output: EngineOutput;
}

/** One choice of the answer, complete. */
export interface Answer {
  readonly prompt: Prompt;
  readonly text: string;
  readonly tokens: readonly Token[];
  readonly finish: Finish;
}

export type Failure = Extract<EngineOutput, { kind: "failed" }>["cause"];

/** The engine for this request: the rank the header names (anything but an integer is ignored), else the idlest. */
export function pickEngine(call: Call): Engine | Reply {
  const { engines } = call.server;
  const named = call.headers.get("x-data-parallel-rank") ?? "";
  if (/^\s*[+-]?\d+\s*$/.test(named)) {
    const rank = Number(named);
    const engine = rank < 0 ? undefined : engines[rank];
    return engine ?? badRequest(`data_parallel_rank ${rank} is out of range [0, ${engines.length}).`);
  }
  const load = (engine: Engine) => engine.counts().running + engine.counts().waiting;
  return engines.reduce((idlest, engine) => (load(engine) < load(idlest) ? engine : idlest));
}

/** vLLM's check of a prompt against the context length; null when it fits. One token too many in all is let through. */
export function lengthProblem(promptTokens: number, maxTokens: number | null, maxModelLen: number): Reply | null {
  const limit = `This model's maximum context length is ${maxModelLen} tokens. However, `;
  if (promptTokens > maxModelLen) {
    const least = maxModelLen + 1;
    return badRequest(
      `${limit}your prompt contains at least ${least} input tokens, which exceeds this limit even without any output ` +
        "tokens. Please reduce the length of the input prompt.",
      "input_tokens",
      least,
    );
  }
  const wanted = maxTokens ?? 1;
  if (promptTokens + wanted <= maxModelLen + (promptTokens < maxModelLen ? 1 : 0)) return null;
  return badRequest(
    `${limit}you requested ${wanted} output tokens and your prompt contains ${promptTokens} input tokens, for a total ` +
      `of ${promptTokens + wanted} tokens. Please reduce the length of the input prompt or the number of requested ` +
      "output tokens.",
    "input_tokens",
    promptTokens,
  );
}

export interface GenerationInput {
  readonly call: Call;
  readonly engine: Engine;
  readonly prompts: readonly Prompt[];
  readonly sampling: Omit<Sampling, "index">;
  readonly body: JsonObject;
  readonly promptLogprobs: number | null;
}

/** Starts prompts × n engine requests; choices are numbered prompt by prompt. Ends early when the client leaves. */
export async function* generate(input: GenerationInput): AsyncGenerator<ChoiceOutput> {
  const { call, engine, sampling } = input;
  const queue: ChoiceOutput[] = [];
  let wake: () => void = () => {};
  let open = input.prompts.length * sampling.n;
  const aborts = input.prompts.flatMap((prompt, at) =>
    Array.from({ length: sampling.n }, (_, index) => {
      const choice = at * sampling.n + index;
      return engine.submit(engineRequest(input, prompt, index), (output) => {
        queue.push({ choice, output });
        if (output.kind !== "token" || output.finish) open -= 1;
        wake();
      });
    })
  );
  call.signal.addEventListener("abort", () => wake());
  try {
    while (!call.signal.aborted) {
      const next = queue.shift();
      if (next) yield next;
      else if (open === 0) return;
      else await new Promise<void>((resolve) => wake = resolve);
    }
  } finally {
    for (const abort of aborts) abort();
  }
}

/** All choices, or the first failure, or null when the client has left. */
export async function collect(input: GenerationInput): Promise<readonly Answer[] | Failure | null> {
  const texts: string[] = [];
  const tokens: Token[][] = [];
  const answers: Answer[] = [];
  for await (const { choice, output } of generate(input)) {
    if (output.kind === "failed") return output.cause;
    if (output.kind === "token") {
      texts[choice] = (texts[choice] ?? "") + output.text;
      (tokens[choice] ??= []).push(output.token);
    }
    if (!output.finish) continue;
    const prompt = input.prompts[Math.floor(choice / input.sampling.n)]!;
    answers[choice] = { prompt, text: texts[choice] ?? "", tokens: tokens[choice] ?? [], finish: output.finish };
  }
  return input.call.signal.aborted ? null : answers;
}

/** The answer when the engine could not: 500, or nothing at all when nobody listens any more. */
export function failureReply(failure: Failure | null): Reply {
  if (failure === null) return { kind: "whole", status: 499, type: null, body: "" };
  return errorReply(500, failureMessage(failure), "InternalServerError");
}

function engineRequest(input: GenerationInput, prompt: Prompt, index: number): EngineRequest {
  const { body, call, sampling } = input;
  const { server } = call;
  const stem = sampling.n > 1 ? `${index}_${prompt.stem}` : prompt.stem;
  const room = Math.max(1, server.settings.maxModelLen - prompt.ids.length);
  const kvParams = body["kv_transfer_params"];
  return {
    id: server.settings.env.randomizeRequestIds ? `${stem}-${server.randomHex(8)}` : stem,
    stem,
    promptIds: prompt.ids,
    sampling: { ...sampling, index, maxTokens: Math.min(sampling.maxTokens, room) },
    kvParams: isObject(kvParams) ? { ...kvParams } : null,
    cacheSalt: typeof body["cache_salt"] === "string" ? body["cache_salt"] : null,
    promptLogprobs: input.promptLogprobs,
    arrivedMs: server.now(),
  };
}
