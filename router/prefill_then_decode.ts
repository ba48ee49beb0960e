// One attempt with a connector whose decode leg needs the prefill reply: one leg after the other.

import type { LegContext, PrefillReply } from "../kv/connector.ts";
import { answerStreaming, answerWith } from "./answer.ts";
import { unlessAborted } from "./engine_abort.ts";
import type { Exchange } from "./exchange.ts";
import type { Leg, LegOpening } from "./leg.ts";
import { type FailedLeg, judgeOpening } from "./leg_failure.ts";
import { decodeRequest, prefillRequest } from "./leg_request.ts";
import { needsWholeAnswer } from "./must_not_split.ts";
import type { AttemptResult, Pair } from "./attempt.ts";
import { prefillFromDecode, type PrefillHow } from "./prefill_from_decode.ts";
import { readPrefillReply } from "./prefill_reply.ts";
import { releaseKv } from "./release_kv.ts";
import { expertsOf, type PromptPart, promptPartSplicer, withPromptPart } from "./prompt_part.ts";
import type { RouterIo } from "./router_io.ts";
import { serveWhole } from "./whole.ts";

export async function prefillThenDecode(
  exchange: Exchange,
  pair: Pair,
  context: LegContext,
  io: RouterIo,
): Promise<AttemptResult> {
  // Read before prefill runs: a worker that restarts meanwhile takes the KV it made with it.
  const { generation } = pair.prefill.worker;
  const arrival = io.connector.arrival === undefined ? null : await io.arrivals.expect(context, io);
  const turn = io.turns === null ? null : io.turns.begin(exchange.ask);
  const usual = { context, edit: io.connector.prefillLeg(context), limitMs: io.settings.prefillTimeoutMs };
  const run = (how: PrefillHow) => runPrefill(exchange, pair, how, io);
  const prefill = turn?.params ? await prefillFromDecode(turn, exchange, usual, io, run) : await run(usual);
  if (prefill.is !== "reply") {
    arrival?.giveUp();
    return prefill;
  }

  const handle = io.ledger.open({
    attemptId: context.attemptId,
    connector: io.connector.name,
    prefill: pair.prefill.name,
    decode: pair.decode.name,
    generation,
    leaseMs: io.leaseMs,
  }, prefill.finishedMs);
  if (exchange.hasLeft) {
    releaseKv({ handle, ask: exchange.ask, pair, context, reply: prefill.reply }, io);
    return { is: "gone" };
  }
  exchange.holdHandle(handle);
  const leg = io.connector.decodeLeg(context, prefill.reply);
  if (leg.is === "no-handoff") {
    exchange.settleHandle(io.leaseMs === null || prefill.reply.params === null ? "released" : "leaked");
    io.metrics.missingHandoffs.add("");
    io.log("error", "A prefill worker handed nothing over; decode would have recomputed the prompt", {
      prefill: pair.prefill.name,
      reason: leg.reason,
    });
    return prefillFailed(pair, leg.reason);
  }
  if (arrival !== null) {
    exchange.enter("arrival", io.settings.handoffTimeoutMs);
    if (await exchange.waitIn(arrival) !== "admitted") {
      exchange.settleHandle("released");
      return exchange.hasLeft ? { is: "gone" } : prefillFailed(pair, "sent no word that its KV has arrived at decode");
    }
  }
  const spending = handle.spend(pair.prefill.worker.generation);
  if (spending.is === "refused") return prefillFailed(pair, spending.reason);

  exchange.times.decodeMs = io.now();
  exchange.enter("first token", io.settings.firstTokenTimeoutMs);
  const decode = exchange.startLeg(pair.decode, decodeRequest(exchange.ask, context, leg.edit), "decode");
  const opening = await decode.opened;
  turn?.answered(pair.decode, opening);
  return openDecode(exchange, pair, decode, opening, io, prefill.experts);
}

/** Decode's answer becomes the client's, unless it failed before its first byte. */
export function openDecode(
  exchange: Exchange,
  pair: Pair,
  leg: Leg,
  opening: LegOpening,
  io: RouterIo,
  part: PromptPart | null = null,
): AttemptResult {
  const worker = pair.decode.name;
  const { ask: { route: { api } }, times: { acceptedMs } } = exchange;
  const isAsked = io.aborts.isAskedSince(acceptedMs);
  const judged = unlessAborted(judgeOpening("decode", worker, opening, exchange.phase), "decode", worker, api, isAsked);
  if (judged.is === "aborted") return { is: "gone" };
  if (judged.is === "failed") {
    leg.abort();
    return judged;
  }
  exchange.times.firstByteMs = io.now();
  exchange.closeWindow();
  pair.decode.takesOver();
  io.metrics.pairHandoffs.add(`${pair.prefill.name}\0${worker}`);
  const { opening: good } = judged;
  const spliced = part === null ? {} : { rewrite: promptPartSplicer(part) };
  const response = good.is === "answered"
    ? answerWith(exchange, part === null ? good : { ...good, body: withPromptPart(good.body, part) }, io)
    : answerStreaming(exchange, leg, { head: good.head, name: "decode", worker, ...spliced }, io);
  return { is: "response", response };
}

interface Prefilled {
  readonly is: "reply";
  readonly reply: PrefillReply;
  /** Of the prompt's tokens, where the engine tells; null otherwise. */
  readonly experts: PromptPart | null;
  /** When the reply's head came: prefill had finished by then, and its lease had begun. */
  readonly finishedMs: number;
}

async function runPrefill(
  exchange: Exchange,
  pair: Pair,
  { context, edit, limitMs }: PrefillHow,
  io: RouterIo,
): Promise<Prefilled | AttemptResult> {
  exchange.times.prefillMs = io.now();
  exchange.enter("prefill", limitMs);
  const request = prefillRequest(exchange.ask, context, edit, true);
  const leg = exchange.startLeg(pair.prefill, request, "prefill");
  const opening = await leg.opened;
  exchange.times.repliedMs = io.now();

  const judged = judgeOpening("prefill", pair.prefill.name, opening, exchange.phase);
  if (judged.is === "aborted") return { is: "gone" };
  if (judged.is === "failed") return await wholeInstead(exchange, judged.failed, io) ?? judged;
  if (judged.opening.is !== "answered") return { is: "gone" };
  // The worker's 4xx is the client's: decode would say the same of the same request.
  if (judged.opening.head.status >= 400) {
    exchange.decode = null;
    return { is: "response", response: answerWith(exchange, judged.opening, io) };
  }
  const read = readPrefillReply(judged.opening.body);
  if (read.is !== "reply") return prefillFailed(pair, read.reason);
  return { ...read, experts: expertsOf(judged.opening.body), finishedMs: leg.headMs };
}

/** One token cannot be a tool call or a JSON document, and some versions answer 500 to that (vLLM #38911). */
async function wholeInstead(exchange: Exchange, failed: FailedLeg, io: RouterIo): Promise<AttemptResult | null> {
  const isFormTrouble = failed.answer?.head.status === 500 && needsWholeAnswer(exchange.ask.body);
  if (!isFormTrouble || !io.connector.servesPlainRequests) return null;
  exchange.closeWindow();
  return { is: "response", response: await serveWhole(exchange, io, "none; reason=structured_output") };
}

function prefillFailed({ prefill }: Pair, reason: string): AttemptResult {
  const text = reason.startsWith(prefill.name) ? reason : `${prefill.name} ${reason}`;
  const error = { status: 502, message: `${text}; nothing was handed to decode`, leg: "prefill" } as const;
  const failed = {
    leg: "prefill",
    worker: prefill.name,
    kind: "answer",
    reason: text,
    detail: text,
    error,
    answer: null,
  } as const;
  return { is: "failed", failed: { ...failed, mayRetry: true, fault: "failing" } };
}
