// A request that one worker serves from prompt to last token, as plain vLLM would.

import { answerError, answerNobody, answerStreaming, answerWith } from "./answer.ts";
import { chooseWorker } from "./choose_worker.ts";
import { unlessAborted } from "./engine_abort.ts";
import type { Exchange } from "./exchange.ts";
import { type FailedLeg, judgeOpening } from "./leg_failure.ts";
import { wholeRequest } from "./leg_request.ts";
import type { Answer } from "./listen/client_request.ts";
import { mayTry } from "./may_try.ts";
import { noWorkerReady } from "./no_worker.ts";
import type { Ask } from "./read_ask.ts";
import type { Slot } from "./roster.ts";
import { targetsOf } from "./target_worker.ts";
import { routingFactsOf } from "./routing_facts.ts";
import type { RouterIo } from "./router_io.ts";
import { fullWorker, waitForPlace } from "./wait_for_place.ts";

/** `handoff` is what `x-pdserve-handoff` says: `none; reason=n`, `fallback; reason=…`. */
export async function serveWhole(exchange: Exchange, io: RouterIo, handoff: string): Promise<Answer> {
  exchange.handoff = headerText(handoff);
  exchange.prefill = null;
  exchange.leaveRoom();
  const able = wholeCandidates(io, exchange.ask);
  if (able === null) return answerError(exchange, cannotServeWhole(exchange, io, handoff));
  const candidates = io.settings.allowTargetWorker ? targetsOf(able, exchange.ask) : able;

  const shunned = new Set<string>();
  let last: FailedLeg | null = null;
  for (let attempt = 0; attempt < io.settings.maxAttempts && mayTry(last, io); attempt++) {
    const shuns = (slot: Slot) => shunned.has(slot.name) || io.health.avoids(slot.name);
    const slot = chooseWorker(candidates, io.policies.decode, routingFactsOf(exchange.ask), shuns);
    if (slot === null) return answerError(exchange, noWorkerReady(io));

    const refused = slot.room.tryEnter() ? null : await waitForPlace(exchange, slot.room, fullWorker(slot), io);
    if (refused !== null) return refused;
    exchange.takeRoom(slot);
    io.health.chosen(null, slot.name);
    const result = await runWhole(exchange, slot, io);
    if (result === "gone") return answerNobody(exchange);
    if ("body" in result) return result;
    exchange.leaveRoom();
    last = result;
    io.metrics.legFailures.add(`whole\0${last.worker}\0${last.kind}`);
    if (last.fault !== null) io.health.blame(last.worker, last.fault);
    shunned.add(slot.name);
  }
  if (last?.answer) return answerWith(exchange, last.answer, io);
  return answerError(exchange, last?.error ?? noWorkerReady(io));
}

async function runWhole(exchange: Exchange, slot: Slot, io: RouterIo): Promise<Answer | FailedLeg | "gone"> {
  exchange.attempts++;
  exchange.decode = slot.name;
  exchange.times.decodeMs = io.now();
  // One worker does both phases, so it has the time of both.
  exchange.enter("first token", io.settings.prefillTimeoutMs + io.settings.firstTokenTimeoutMs);
  const attemptId = exchange.attemptId(io.random());
  const leg = exchange.startLeg(slot, wholeRequest(exchange.ask, attemptId), "whole");
  const opened = judgeOpening("whole", slot.name, await leg.opened, exchange.phase);
  const isAsked = io.aborts.isAskedSince(exchange.times.acceptedMs);
  const judged = unlessAborted(opened, "whole", slot.name, exchange.ask.route.api, isAsked);
  if (judged.is === "aborted") return "gone";
  if (judged.is === "failed") {
    leg.abort();
    return judged.failed;
  }
  exchange.times.firstByteMs = io.now();
  return judged.opening.is === "answered"
    ? answerWith(exchange, judged.opening, io)
    : answerStreaming(exchange, leg, { head: judged.opening.head, name: "whole", worker: slot.name }, io);
}

/** Regular workers first; decode workers where the connector lets them serve plain requests. Null when nobody ever can. */
function wholeCandidates(io: RouterIo, { route, facts }: Ask): readonly Slot[] | null {
  const { roster, connector, served, settings } = io;
  const regular = served.isMixed ? served.regularFor(facts.model ?? settings.servedModelName) : roster.regular;
  if (regular.length > 0) return regular;
  return connector.servesPlainRequests || !route.generates ? roster.decode : null;
}

function cannotServeWhole({ ask }: Exchange, { connector }: RouterIo, handoff: string) {
  const reason = handoff.replace(/^.*reason=/, "");
  const message = `${ask.route.path} with this ${reason} cannot be split between two workers, and with ` +
    `${connector.name} no worker serves it alone; send it as several requests or without ${reason}`;
  return { status: 400, message, param: reason, leg: "whole" } as const;
}

/** Header values are visible ASCII; a reason may quote what a worker said. */
function headerText(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, " ").slice(0, 256);
}
