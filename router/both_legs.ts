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
  const toPrefill = prefillRequest(exchange.ask, context, io.connector.prefillLeg(context), false);
  const toDecode = decodeRequest(exchange.ask, context, plan.edit);
  const prefill = exchange.startLeg(pair.prefill, toPrefill, "prefill");
  const decode = exchange.startLeg(pair.decode, toDecode, "decode");

  const first = await Promise.race([
    prefill.opened.then((opening) => ({ leg: "prefill" as const, opening })),
    decode.opened.then((opening) => ({ leg: "decode" as const, opening })),
  ]);
  if (first.leg === "decode") return endWithDecode(first.opening);

  exchange.times.repliedMs = io.now();
  const judged = judgePrefill(pair, first.opening, exchange);
  if (judged !== null) {
    decode.abort();
    return judged.is === "answered" ? { is: "response", response: answerWith(exchange, judged, io) } : judged;
  }
  exchange.enter("first token", io.settings.firstTokenTimeoutMs);
  return endWithDecode(await decode.opened);

  /** A first byte from decode means that it has all the KV; anything else means that prefill works for nobody. */
  function endWithDecode(opening: LegOpening): AttemptResult {
    const result = openDecode(exchange, pair, decode, opening, io);
    if (result.is !== "response") prefill.abort();
    return result;
  }
}

/** Null when prefill did its part. */
function judgePrefill(
  pair: Pair,
  opening: LegOpening,
  exchange: Exchange,
): AttemptResult | Extract<LegOpening, { is: "answered" }> | null {
  const judged: JudgedLeg = judgeOpening("prefill", pair.prefill.name, opening, exchange.phase);
  if (judged.is === "aborted") return { is: "gone" };
  if (judged.is === "failed") return judged;
  if (judged.opening.is !== "answered") return null;
  if (judged.opening.head.status >= 400) return judged.opening;
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
