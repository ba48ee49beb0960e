// A generating request as an answer: all prompts run side by side, whole or as events.

import { decode as textOf } from "../tokenizer.ts";
import {
  type Finish,
  generateAnswer,
  openAiAnswer,
  openAiEvent,
  type Progress,
  type Setting,
  usageOf,
} from "./answers.ts";
import { generate, type Part, partOf, type Step, type Worker } from "./generate.ts";
import type { Ask } from "./requests.ts";

export type Reply =
  | { readonly is: "whole"; readonly status: number; readonly type: string | null; readonly body: string }
  | { readonly is: "events"; readonly events: AsyncIterable<string> };

/** One prompt on its way. */
interface Run {
  readonly part: Part;
  readonly index: number;
  readonly ids: number[];
  readonly logprobs: number[];
  readonly signal: AbortController;
}

export async function serveGeneration(
  ask: Ask,
  worker: Worker,
  newId: () => string,
  left: AbortSignal,
): Promise<Reply> {
  const runs = runsOf(ask, worker, newId);
  left.addEventListener("abort", () => runs.forEach(({ signal }) => signal.abort()), { once: true });
  const setting = settingOf(ask, worker, newId());
  if (ask.stream) return { is: "events", events: eventsOf(runs, ask, worker, setting) };

  const all = await Promise.all(runs.map((run) => toEnd(run, ask, worker)));
  const broken = all.find(({ finish }) => finish?.type === "abort" && finish.status_code === 500);
  if (broken?.finish?.type === "abort") return failedWhole(broken.finish.message);
  if (ask.api !== "generate") return json(200, openAiAnswer(all, setting));
  const answers = all.map((progress) => generateAnswer(progress, setting));
  return json(200, ask.isBatch || ask.sampling.n > 1 ? answers : answers[0]);
}

function runsOf(ask: Ask, worker: Worker, newId: () => string): readonly Run[] {
  return ask.prompts.flatMap((_, index) =>
    Array.from({ length: ask.sampling.n }, () => {
      const rid = ask.rid ?? newId();
      const signal = new AbortController();
      worker.running.set(rid, signal);
      return { part: partOf(ask, index, rid, worker), index, ids: [], logprobs: [], signal };
    })
  );
}

function settingOf(ask: Ask, { settings: { mode }, weightVersion }: Worker, id: string): Setting {
  // Nothing in a recording ends in a whole second.
  const now = Date.now() / 1000 + 0.0005;
  return { ask, weightVersion, isDecode: mode === "decode", isPrefill: mode === "prefill", now, id };
}

async function toEnd(run: Run, ask: Ask, worker: Worker): Promise<Progress> {
  let last: Progress = at(run, null, false);
  for await (const progress of progressOf(run, ask, worker)) last = progress;
  return last;
}

async function* progressOf(run: Run, ask: Ask, worker: Worker): AsyncGenerator<Progress> {
  worker.counters.running++;
  try {
    for await (const step of generate(ask, run.index, run.part, worker, run.signal.signal)) {
      if (step.is === "token") {
        run.ids.push(step.id);
        run.logprobs.push(step.logprob);
        // The last token comes with the reason why it is the last.
        if (worker.settings.mode !== "prefill" && run.ids.length < ask.sampling.maxNewTokens) {
          yield at(run, null, run.ids.length === 1);
        }
      } else yield at(run, finishOf(step, run, worker), false);
    }
  } finally {
    worker.counters.running--;
    worker.running.delete(run.part.rid);
  }
}

function at(run: Run, finish: Finish | null, isFirst: boolean): Progress {
  return { part: run.part, index: run.index, ids: [...run.ids], logprobs: [...run.logprobs], finish, isFirst };
}

/** Prefill counts no token of its own answer. */
function finishOf(step: Exclude<Step, { is: "token" }>, { ids }: Run, { settings: { mode } }: Worker): Finish {
  if (step.is === "done") return { type: "length", length: mode === "prefill" ? 0 : ids.length };
  const message = step.is === "aborted" ? "Aborted" : step.message;
  return { type: "abort", message, status_code: step.is === "aborted" ? null : 500, err_type: null };
}

async function* eventsOf(runs: readonly Run[], ask: Ask, worker: Worker, setting: Setting): AsyncGenerator<string> {
  const told = runs.map(() => 0);
  for await (const [index, progress] of merged(runs.map((run) => progressOf(run, ask, worker)))) {
    const isFailure = progress.finish?.type === "abort" && progress.finish.status_code === 500;
    if (ask.api === "generate") {
      const answer = generateAnswer(progress, setting);
      yield event(ask.isBatch ? { ...answer, index } : answer);
    } else if (isFailure && progress.finish?.type === "abort") {
      yield `data: ${pythonError(progress.finish.message)}\n\n`;
    } else {
      if (ask.api === "chat" && told[index] === 0) {
        yield event(openAiEvent({ text: "", isFirst: true, finish: null }, index, setting));
      }
      const text = textOf(progress.ids.slice(told[index]));
      told[index] = progress.ids.length;
      yield* piecesOf(text, progress.finish, index, ask, setting);
    }
  }
  const all = runs.map((run) => at(run, null, false));
  if (ask.includeUsage && ask.api !== "generate") yield event(usageEvent(all, ask, setting));
  yield "data: [DONE]\n\n";
}

/** Chat says why it ends in an event of its own. */
function* piecesOf(text: string, finish: Finish | null, at: number, ask: Ask, setting: Setting): Generator<string> {
  if (ask.api === "completions") return yield event({ ...openAiEvent({ text, finish }, at, setting), usage: null });
  yield event(openAiEvent({ text, finish: null }, at, setting));
  if (finish !== null) yield event(openAiEvent({ text: null, finish }, at, setting));
}

function usageEvent(all: readonly Progress[], { api }: Ask, setting: Setting): unknown {
  const head = openAiEvent({ text: null, finish: null }, 0, setting);
  const { prompt_tokens, total_tokens, completion_tokens, reasoning_tokens, ...rest } = usageOf(all);
  const short = { prompt_tokens, total_tokens, completion_tokens };
  const usage = api === "completions" ? { ...short, reasoning_tokens } : {
    ...short,
    prompt_tokens_details: rest.prompt_tokens_details,
    reasoning_tokens,
    completion_tokens_details: rest.completion_tokens_details,
  };
  return { ...head, choices: [], usage };
}

/** Events of several runs as they come. */
async function* merged<T>(sources: readonly AsyncGenerator<T>[]): AsyncGenerator<readonly [number, T]> {
  const next = (at: number) => sources[at]!.next().then((result) => ({ at, result }));
  const waiting = new Map(sources.map((_, at) => [at, next(at)]));
  while (waiting.size > 0) {
    const { at, result } = await Promise.race(waiting.values());
    if (result.done) waiting.delete(at);
    else {
      waiting.set(at, next(at));
      yield [at, result.value];
    }
  }
}

function event(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

/** `json.dumps` of the error that a chat stream ends with. */
function pythonError(message: string): string {
  return `{"error": {"object": "error", "message": ${JSON.stringify(message)}, "type": "INTERNAL_SERVER_ERROR", ` +
    `"param": null, "code": 500}}`;
}

function failedWhole(message: string): Reply {
  return json(500, { object: "error", message, type: "500", param: null, code: 500 });
}

export function json(status: number, value: unknown): Reply {
  return { is: "whole", status, type: "application/json", body: JSON.stringify(value) };
}
