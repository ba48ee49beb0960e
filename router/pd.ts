// A request's life: choose a pair, prefill, hand over, decode, stream; and what happens when a part of it fails.
// The phases and what may be retried when are drawn in DESIGN.md beside this file.

import type { LegContext } from "../kv/connector.ts";
import type { Exchange } from "./exchange.ts";
import { answerError, answerNobody, answerWith } from "./answer.ts";
import { bothLegsAtOnce } from "./both_legs.ts";
import { chooseWorker } from "./choose_worker.ts";
import type { AttemptResult, Pair } from "./attempt.ts";
import type { FailedLeg } from "./leg_failure.ts";
import type { Answer } from "./listen/client_request.ts";
import { mayTry } from "./may_try.ts";
import { noWorkerReady } from "./no_worker.ts";
import { type Full, fullWorker, waitForPlace } from "./wait_for_place.ts";
import { prefillThenDecode } from "./prefill_then_decode.ts";
import type { RouterIo } from "./router_io.ts";
import type { Slot } from "./roster.ts";
import { targetsOf } from "./target_worker.ts";
import { routingFactsOf } from "./routing_facts.ts";
import { serveWhole } from "./whole.ts";

const noWorkers: ReadonlySet<string> = new Set();

/** `forced` is the canary's pair: one attempt, no other. */
export async function serveSplit(exchange: Exchange, io: RouterIo, forced: Pair | null = null): Promise<Answer> {
  if (forced === null && io.served.isMixed && isOthersModel(exchange, io)) {
    return await serveWhole(exchange, io, "none; reason=model");
  }
  let shunned = noWorkers;
  let last: FailedLeg | null = null;
  const attempts = forced === null ? io.settings.maxAttempts : 1;
  while (exchange.attempts < attempts && mayTry(last, io)) {
    const pair = forced ?? choosePair(exchange, io, shunned);
    if (pair === null) break;
    // Room to decode first: KV made for a worker that cannot take it would only lie there.
    const places = takePlaces(exchange, pair, io);
    const refused = places === null ? null : await places;
    if (refused !== null) return refused;
    io.health.chosen(pair.prefill.name, pair.decode.name);

    if (last !== null) io.metrics.retries.add(last.leg);
    const result = await attempt(exchange, pair, io);
    exchange.closeWindow();
    if (result.is === "response") return result.response;
    exchange.leaveRoom();
    if (result.is === "gone" || exchange.hasLeft) return answerNobody(exchange);
    last = result.failed;
    exchange.settleHandle("failed");
    noteFailure(last, pair, io);
    shunned = new Set([...shunned, pair.prefill.name, pair.decode.name]);
  }
  return withoutHandoff(exchange, last, io);
}

/** Whole workers beside the pairs may serve a model of their own. */
function isOthersModel({ ask: { facts: { model } } }: Exchange, { served, settings }: RouterIo): boolean {
  return model !== null && model !== settings.servedModelName && served.regularFor(model).length > 0;
}

function attempt(exchange: Exchange, pair: Pair, io: RouterIo): Promise<AttemptResult> {
  exchange.attempts++;
  exchange.prefill = pair.prefill.name;
  exchange.decode = pair.decode.name;
  const nonce = io.random();
  const context: LegContext = {
    attemptId: exchange.attemptId(nonce),
    nonce,
    // Each prompt takes at least a byte of the body, so this is room enough for all of them.
    ...(io.connector.shape === "bootstrap" ? { room: io.rooms.take(exchange.ask.body.bytes.length) } : {}),
    api: exchange.ask.route.api,
    prefill: pair.prefill.worker.facts,
    decode: pair.decode.worker.facts,
  };
  return io.connector.legs === "concurrent"
    ? bothLegsAtOnce(exchange, pair, context, io)
    : prefillThenDecode(exchange, pair, context, io);
}

function choosePair({ ask }: Exchange, io: RouterIo, shunned: ReadonlySet<string>): Pair | null {
  const { roster, policies, health, settings } = io;
  const facts = routingFactsOf(ask);
  const shuns = (slot: Slot) => shunned.has(slot.name) || health.avoids(slot.name);
  const mayName = settings.allowTargetWorker;
  const prefills = mayName ? targetsOf(roster.prefill, ask) : roster.prefill;
  const decodes = mayName ? targetsOf(roster.decode, ask) : roster.decode;
  const prefill = chooseWorker(prefills, policies.prefill, facts, shuns);
  if (prefill === null) return null;
  const decode = chooseWorker(
    decodes,
    policies.decode,
    facts,
    (slot) => shuns(slot) || health.avoidsPair(prefill.name, slot.name),
  );
  return decode === null ? null : { prefill, decode };
}

/** Null with room on decode and in prefill's window, which bounds how much KV it holds for decode: at once for most. */
function takePlaces(exchange: Exchange, pair: Pair, io: RouterIo): null | Promise<Answer | null> {
  const { prefill, decode } = pair;
  if (!decode.room.tryEnter()) return waitForRoom(exchange, pair, io);
  exchange.takeRoom(decode);
  if (!prefill.window.tryEnter()) return waitForWindow(exchange, prefill, io);
  exchange.openWindow(prefill);
  return null;
}

async function waitForRoom(exchange: Exchange, { prefill, decode }: Pair, io: RouterIo): Promise<Answer | null> {
  const noRoom = await waitForPlace(exchange, decode.room, fullWorker(decode), io);
  if (noRoom !== null) return noRoom;
  exchange.takeRoom(decode);
  if (!prefill.window.tryEnter()) return await waitForWindow(exchange, prefill, io);
  exchange.openWindow(prefill);
  return null;
}

async function waitForWindow(exchange: Exchange, prefill: Slot, io: RouterIo): Promise<Answer | null> {
  const noWindow = await waitForPlace(exchange, prefill.window, fullWindow(prefill), io);
  if (noWindow === null) exchange.openWindow(prefill);
  return noWindow;
}

function fullWindow({ name }: Slot): Full {
  return { phase: "handoff window", message: `${name} has as many handoffs waiting as it may` };
}

function noteFailure(failed: FailedLeg, pair: Pair, io: RouterIo): void {
  io.metrics.legFailures.add(`${failed.leg}\0${failed.worker}\0${failed.kind}`);
  io.log("warn", `A request's ${failed.leg} leg failed: ${failed.reason}`, {
    prefill: pair.prefill.name,
    decode: pair.decode.name,
    detail: failed.detail,
  });
  // Where one kept socket is dead, its neighbours are too: the next attempt gets a new one.
  if (failed.kind === "stale") io.upstream.forget(pair.decode.worker.url);
  if (failed.fault === null) return;
  // Decode's 500 is also what a failed KV load looks like, and then the two do not go together.
  if (failed.leg === "decode" && failed.kind === "answer") io.health.blamePair(pair.prefill.name, pair.decode.name);
  else io.health.blame(failed.worker, failed.fault);
}

/** No attempt brought an answer: decode alone where the user allows it, else the error, never a silent recompute. */
function withoutHandoff(exchange: Exchange, last: FailedLeg | null, io: RouterIo): Answer | Promise<Answer> {
  const { settings, connector } = io;
  const canFallBack = settings.fallback === "decode-alone" && connector.servesPlainRequests;
  if (canFallBack && last?.leg !== "decode" && exchange.phase !== "whole request") {
    return serveWhole(exchange, io, `fallback; reason=${last?.reason ?? "no prefill worker is ready"}`);
  }
  if (last === null) return answerError(exchange, noWorkerReady(io));
  if (last.answer !== null) return answerWith(exchange, last.answer, io);
  return answerError(exchange, last.error);
}
