// What the client gets: a worker's answer with pdserve's headers, a stream, or an error of pdserve's own.

import { Buffer } from "node:buffer";
import { applyEdit } from "./body/apply_edit.ts";
import { scanBody } from "./body/scan_body.ts";
import { streamToClient } from "./client_stream.ts";
import { whyBroken } from "./engine_abort.ts";
import type { Exchange } from "./exchange.ts";
import { failureOfLeg, type LegName, type WorkerAnswer } from "./leg_failure.ts";
import { pairHider, withoutPair } from "./hide_pair.ts";
import { isEventStream, type Leg } from "./leg.ts";
import { type HeaderList, headersForClient } from "./leg_headers.ts";
import type { Answer } from "./listen/client_request.ts";
import { errorAnswer, errorEvent, type OwnError } from "./own_error.ts";
import { clientKvMembers } from "./prefill_edit.ts";
import type { RouterIo } from "./router_io.ts";
import { makeStreamTail } from "./stream_tail.ts";
import type { ResponseHead } from "./upstream/client.ts";

/** A complete answer. Its status is the worker's, its bytes too, but for KV params, which stay inside. */
export function answerWith(
  exchange: Exchange,
  { head, body }: WorkerAnswer,
  io: RouterIo,
  ending: "complete" | "cut" = "complete",
): Answer {
  const fields = fieldsOf(exchange, head);
  exchange.answeredWith(head.status);
  if (ending === "complete" && head.status < 500) praiseWorkers(exchange, io);
  if (ending === "complete" && head.status < 400) io.metrics.handoffs.add(handoffLabel(exchange.handoff));
  exchange.settle(ending);
  // Events are passed on unread, whether they come all at once or one by one.
  const told = isEventStream(head) ? body : withoutKvParams(body);
  const { pairName } = exchange;
  const shown = pairName === null ? told : withoutPair(told, pairName, exchange.id);
  return { status: head.status, fields, body: shown };
}

/** A stream whose first bytes are here. It settles the exchange when it is over. */
export function answerStreaming(
  exchange: Exchange,
  leg: Leg,
  from: {
    readonly head: ResponseHead;
    readonly name: LegName;
    readonly worker: string;
    /** What to make of the stream's bytes; left out, nothing looks at them. */
    readonly rewrite?: (chunk: Uint8Array) => Uint8Array;
  },
  io: RouterIo,
): Answer {
  const whole = leg.takeWhole();
  if (whole !== null) {
    const answer = { head: from.head, body: from.rewrite?.(whole) ?? whole };
    return answerWith(exchange, answer, io, endingOf(whole, exchange, from, io));
  }
  exchange.answeredWith(from.head.status);
  exchange.enter("stream", io.settings.idleTimeoutMs);
  const api = exchange.ask.route.api;
  const isEvents = isEventStream(from.head);
  const { pairName } = exchange;
  const rewrite = from.rewrite ?? (pairName === null ? undefined : pairHider(pairName, exchange.id));
  const tail = isEvents ? makeStreamTail() : null;
  const body = streamToClient(leg, {
    ...(rewrite === undefined ? {} : { rewrite }),
    ...(tail === null ? {} : { seen: tail.add }),
    progress: (isWaiting) => exchange.progress(isWaiting),
    farewell(failure) {
      const failed = failureOfLeg(from.name, from.worker, failure, exchange.phase);
      io.metrics.legFailures.add(`${from.name}\0${from.worker}\0${failure.is}`);
      if (failed.fault !== null) io.health.blame(from.worker, failed.fault);
      return isEvents ? errorEvent(failed.error, api) : null;
    },
    over(ended) {
      const how = ended === "complete" && tail !== null ? endingOf(tail.bytes(), exchange, from, io) : ended;
      if (how === "complete") {
        praiseWorkers(exchange, io);
        io.metrics.handoffs.add(handoffLabel(exchange.handoff));
      }
      exchange.settle(how);
    },
  });
  return { status: from.head.status, fields: fieldsOf(exchange, from.head), body };
}

/** A stream that its engine has broken off by itself goes to the client as it is, and counts as what it is. */
function endingOf(
  tail: Uint8Array,
  { ask, times, id }: Exchange,
  { name, worker }: { readonly name: LegName; readonly worker: string },
  io: RouterIo,
): "complete" | "cut" {
  const why = whyBroken(tail, ask.route.api, io.aborts.isAskedSince(times.acceptedMs));
  if (why === null) return "complete";
  io.metrics.legFailures.add(`${name}\0${worker}\0${why}`);
  const message = `A worker ended a stream before its answer was complete (${endOf[why]})`;
  io.log("warn", message, { worker, requestId: id });
  io.health.blame(worker, "failing");
  return "cut";
}

const endOf = { aborted: "finish_reason abort", error: "its engine's error" } as const;

export function answerError(exchange: Exchange, error: OwnError): Answer {
  exchange.answeredWith(error.status);
  const { status, fields, body } = errorAnswer(error, exchange.id, exchange.ask.route.api);
  const answer = { status, fields: addWorkers([...fields], exchange), body };
  exchange.settle("error");
  return answer;
}

/** Nobody reads it; 499 is what logs call a client that closed its request (nginx's number). */
export function answerNobody(exchange: Exchange): Answer {
  exchange.settle("client-left");
  return nobodysAnswer;
}

export const nobodysAnswer: Answer = { status: 499, fields: [], body: null };

function fieldsOf(exchange: Exchange, head: ResponseHead): HeaderList {
  const fields = headersForClient(head);
  fields.push(["x-request-id", exchange.id], ["x-pdserve-handoff", exchange.handoff]);
  if (exchange.weightVersion !== null) fields.push(["x-pdserve-weight-version", exchange.weightVersion]);
  return addWorkers(fields, exchange);
}

function addWorkers(fields: HeaderList, { prefill, decode }: Exchange): HeaderList {
  if (prefill !== null) fields.push(["x-pdserve-prefill", prefill]);
  if (decode !== null) fields.push(["x-pdserve-decode", decode]);
  return fields;
}

/** Only for whole answers: a worker that breaks off inside each stream would be praised for its first byte. */
function praiseWorkers({ prefill, decode }: Exchange, io: RouterIo): void {
  if (decode !== null) io.health.praise(prefill, decode);
}

/** `none; reason=n` counts as `none`. */
function handoffLabel(handoff: string): string {
  const end = handoff.indexOf(";");
  return end < 0 ? handoff : handoff.slice(0, end);
}

/**
 * Workers write `"kv_transfer_params":null`; with bidirectional transfer they name hosts, ports and blocks there.
 * The search from the end finds the member before any text of the answer that mentions it.
 */
export function withoutKvParams(body: Uint8Array): Uint8Array {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const mayTell = clientKvMembers.some((name) => {
    const at = text.lastIndexOf(`"${name}"`);
    return at >= 0 && !/^\s*:\s*null/.test(text.toString("latin1", at + name.length + 2, at + name.length + 12));
  });
  if (!mayTell) return body;
  const answer = scanBody(body);
  if (answer.is === "refused") return body;
  const named = clientKvMembers.filter((name) => answer.members.some((member) => member.name === name));
  if (named.length === 0) return body;
  const silent = Object.fromEntries(named.map((name) => [name, null]));
  return Buffer.concat(applyEdit(answer, { set: silent, drop: [], headers: {} }));
}
