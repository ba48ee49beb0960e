// One attempt with a connector whose legs run at once: each engine waits for the other's half, for ever if it must, so
// when one leg fails the other is ended in the same moment.

import type { LegContext } from "../kv/connector.ts";
import { answerWith } from "./answer.ts";
import type { Exchange } from "./exchange.ts";
import type { LegOpening } from "./leg.ts";
import { type JudgedLeg, judgeOpening } from "./leg_failure.ts";
import { decodeRequest, prefillRequest } from "./leg_request.ts";
import type { AttemptResult, Pair } from "./attempt.ts";
import { openDecode } from "./prefill_then_decode.ts";
import { lacksPromptPart, type PromptPart, promptPartOf } from "./prompt_part.ts";
import { readPrefillReply } from "./prefill_reply.ts";
import type { RouterIo } from "./router_io.ts";

export async function bothLegsAtOnce(
  exchange: Exchange,
  pair: Pair,
  context: LegContext,
  io: RouterIo,
): Promise<AttemptResult> {
  const plan = io.connector.decodeLeg(context, null);
  if (plan.is === "no-handoff") return notAPair(pair, plan.reason);
  const { attemptId } = context;
  const { generation } = pair.prefill.worker;
  const names = { connector: io.connector.name, prefill: pair.prefill.name, decode: pair.decode.name };
  const handle = io.ledger.open({ attemptId, ...names, generation, leaseMs: io.leaseMs });
  exchange.holdHandle(handle);
  handle.spend(generation);

  exchange.times.prefillMs = exchange.times.decodeMs = io.now();
  exchange.enter("prefill", io.settings.prefillTimeoutMs);
  // Never sent twice under one id: an engine pairs the halves by it.
  const ofPrefill = io.connector.prefillLeg(context);
  const toPrefill = io.connector.twinLegs === true
    ? decodeRequest(exchange.ask, context, ofPrefill)
    : prefillRequest(exchange.ask, context, ofPrefill, false);
  const toDecode = decodeRequest(exchange.ask, context, plan.edit);
  const prefill = exchange.startLeg(pair.prefill, toPrefill, "prefill");
  const decode = exchange.startLeg(pair.decode, toDecode, "decode");

  const first = await Promise.race([
    prefill.opened.then((opening) => ({ leg: "prefill" as const, opening })),
    decode.opened.then((opening) => ({ leg: "decode" as const, opening })),
  ]);
  if (first.leg === "decode" && !waitsForPrefill(first.opening, io)) return endWithDecode(first.opening);

  const reply = await prefill.opened;
  exchange.times.repliedMs = io.now();
  const judged = judgePrefill(pair, reply, exchange, io);
  if (judged !== null) {
    decode.abort();
    return judged.is === "answered" ? { is: "response", response: answerWith(exchange, judged, io) } : judged;
  }
  exchange.enter("first token", io.settings.firstTokenTimeoutMs);
  return endWithDecode(await decode.opened, reply);

  /** A first byte from decode means that it has all the KV; anything else means that prefill works for nobody. */
  function endWithDecode(opening: LegOpening, reply: LegOpening | null = null): AttemptResult {
    const part = reply !== null && waitsForPrefill(opening, io) ? partOf(reply) : null;
    const result = openDecode(exchange, pair, decode, opening, io, part);
    if (result.is !== "response") prefill.abort();
    return result;
  }
}

/** Decode has answered, but of the prompt only prefill can tell what the client asked. */
function waitsForPrefill(opening: LegOpening, { connector }: RouterIo): boolean {
  if (connector.twinLegs !== true || opening.is === "failed" || opening.is === "aborted") return false;
  return lacksPromptPart(opening.is === "answered" ? opening.body : opening.first);
}

function partOf(reply: LegOpening): PromptPart | null {
  return reply.is === "answered" ? promptPartOf(reply.body) : null;
}

/** Null when prefill did its part. */
function judgePrefill(
  pair: Pair,
  opening: LegOpening,
  exchange: Exchange,
  { connector }: RouterIo,
): AttemptResult | Extract<LegOpening, { is: "answered" }> | null {
  const judged: JudgedLeg = judgeOpening("prefill", pair.prefill.name, opening, exchange.phase);
  if (judged.is === "aborted") return { is: "gone" };
  if (judged.is === "failed") return judged;
  if (judged.opening.is !== "answered") return null;
  if (judged.opening.head.status >= 400) return judged.opening;
  // It answers 200 only after the transfer, and a batch as a list.
  if (connector.twinLegs === true) return null;
  const read = readPrefillReply(judged.opening.body);
  return read.is === "unusable" ? notAPair(pair, `${pair.prefill.name} ${read.reason}`) : null;
}

function notAPair({ prefill, decode }: Pair, reason: string): AttemptResult {
  const message = `${prefill.name} and ${decode.name} cannot hand over: ${reason}`;
  const error = { status: 502, message, leg: "prefill" } as const;
  const failed = {
    leg: "prefill",
    worker: prefill.name,
    kind: "answer",
    reason,
    detail: reason,
    error,
    answer: null,
  } as const;
  return { is: "failed", failed: { ...failed, mayRetry: true, fault: "failing" } };
}
