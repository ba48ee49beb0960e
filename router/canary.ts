// The request of a proof: a prompt no cache has seen, a few greedy tokens, through one given pair.

import type { Pair } from "./attempt.ts";
import { readFacts } from "./body/read_facts.ts";
import { scanBody } from "./body/scan_body.ts";
import { Exchange } from "./exchange.ts";
import { Leg } from "./leg.ts";
import { wholeRequest } from "./leg_request.ts";
import { isStream } from "./listen/client_request.ts";
import { serveSplit } from "./pd.ts";
import type { Ask } from "./read_ask.ts";
import { attemptIdOf } from "./request_id.ts";
import type { RouterIo } from "./router_io.ts";
import { splitRoutes } from "./routes.ts";
import { getFromWorker } from "./worker_get.ts";

export type CanaryAnswer =
  | { readonly is: "answered"; readonly promptTokens: number; readonly text: string }
  | { readonly is: "failed"; readonly reason: string };

/** More than two blocks of the largest size in use (128), so that whole-block connectors have something to move. */
const PROMPT_TOKENS = 288;
const ANSWER_TOKENS = 4;
/** Ids of printable characters in byte-level vocabularies: in every vocabulary, and no control token in most. */
const FIRST_ID = 32;
const ID_COUNT = 95;
const SIDE_QUESTION_LIMIT_MS = 5_000;
const noBytes = new Uint8Array(0);

/** Token ids, so that the length is known without a tokenizer; random, so that no cache holds a block of them. */
export async function canaryTokens({ decode }: Pair, io: RouterIo): Promise<readonly number[]> {
  const apiKey = io.roster.workerApiKey;
  const where = { url: decode.worker.url, path: "/v1/models", apiKey, limitMs: SIDE_QUESTION_LIMIT_MS };
  const models = await getFromWorker(io.upstream, where);
  const longest = models.is === "text"
    ? Number(/"max_model_len"\s*:\s*(\d+)/.exec(models.text)?.[1] ?? Infinity)
    : Infinity;
  const count = Math.max(1, Math.min(PROMPT_TOKENS, longest - 2 * ANSWER_TOKENS));
  let digits = "";
  while (digits.length < count * 2) digits += io.random();
  return Array.from({ length: count }, (_, i) => FIRST_ID + parseInt(digits.slice(2 * i, 2 * i + 2), 16) % ID_COUNT);
}

/** As a client's request, but for the choice of workers and the admission. */
export async function askCanary(
  tokens: readonly number[],
  pair: Pair,
  io: RouterIo,
  limitMs: number,
): Promise<CanaryAnswer> {
  const exchange = new Exchange(askOf(tokens, io), io);
  const timer = setTimeout(() => exchange.leave(), limitMs);
  try {
    const { status, body } = await serveSplit(exchange, io, pair);
    if (isStream(body)) return { is: "failed", reason: "a stream came, which was not asked for" };
    return readAnswer(status, typeof body === "string" ? body : new TextDecoder().decode(body ?? noBytes), limitMs);
  } finally {
    clearTimeout(timer);
    exchange.settle("error");
  }
}

/** Null when prefill alone does not answer. */
export async function textFromPrefillAlone(
  tokens: readonly number[],
  { prefill }: Pair,
  io: RouterIo,
): Promise<string | null> {
  const ask = askOf(tokens, io);
  const request = wholeRequest(ask, attemptIdOf(ask.id, io.random()));
  const leg = new Leg(false, () => {});
  leg.start(io.upstream, prefill.worker.url, request);
  const timer = setTimeout(() => leg.abort(), SIDE_QUESTION_LIMIT_MS);
  const opening = await leg.opened;
  clearTimeout(timer);
  if (opening.is !== "answered") return null;
  const answer = readAnswer(opening.head.status, new TextDecoder().decode(opening.body), SIDE_QUESTION_LIMIT_MS);
  return answer.is === "answered" ? answer.text : null;
}

function askOf(tokens: readonly number[], io: RouterIo): Ask {
  const route = splitRoutes[0]!;
  const text = JSON.stringify({
    model: io.settings.servedModelName,
    prompt: tokens,
    max_tokens: ANSWER_TOKENS,
    temperature: 0,
    stream: false,
  });
  const body = scanBody(new TextEncoder().encode(text));
  if (body.is === "refused") throw new Error(`the canary's own body was refused: ${body.message}`);
  const headers: [string, string][] = [["accept-encoding", "identity"], ["content-type", "application/json"]];
  const key = io.roster.workerApiKey;
  if (key !== null) headers.push(["authorization", `Bearer ${key}`]);
  return {
    id: `canary-${io.random()}`,
    isOwnId: true,
    route,
    target: route.path,
    body,
    facts: readFacts(body),
    headers,
  };
}

function readAnswer(status: number, text: string, limitMs: number): CanaryAnswer {
  if (status === 499) return { is: "failed", reason: `no answer within ${Math.round(limitMs / 1000)} s` };
  try {
    const answer = JSON.parse(text);
    if (status === 200) {
      return { is: "answered", promptTokens: answer.usage.prompt_tokens, text: String(answer.choices[0].text) };
    }
    return { is: "failed", reason: `status ${status}: ${answer.error?.message ?? text.slice(0, 200)}` };
  } catch {
    return { is: "failed", reason: `status ${status}: ${text.slice(0, 200)}` };
  }
}
