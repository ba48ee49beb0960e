// What a failed leg means: may the request be tried again, who is to blame, what would the client be told.

import { Buffer } from "node:buffer";
import { sliceLatin1 } from "./body/slice_text.ts";
import type { LegFailure, LegOpening } from "./leg.ts";
import type { OwnError, Phase } from "./own_error.ts";
import type { ResponseHead } from "./upstream/client.ts";
import type { Fault } from "./worker_health.ts";

export type LegName = "encode" | "prefill" | "decode" | "whole";

export interface WorkerAnswer {
  readonly head: ResponseHead;
  readonly body: Uint8Array;
}

export interface FailedLeg {
  readonly leg: LegName;
  readonly worker: string;
  /** `answer`: it answered, but not with what was asked for. */
  readonly kind: LegFailure["is"] | "answer";
  /** Short, for `fallback; reason=…`, logs and metrics. */
  readonly reason: string;
  /** For the log only. */
  readonly detail: string;
  /** What the client is told when nothing else helps. */
  readonly error: OwnError;
  /** The worker's own 5xx, which the client gets as it is; null when there is none worth passing on. */
  readonly answer: WorkerAnswer | null;
  readonly mayRetry: boolean;
  /** What its worker is blamed for; null where it is not the worker's fault, or has been told already. */
  readonly fault: Fault | null;
}

type Told = { readonly status: number; readonly text: string; readonly retryAfterSeconds?: number };

const told: Readonly<Record<LegFailure["is"], Told>> = {
  refused: { status: 503, text: "does not accept connections", retryAfterSeconds: 1 },
  "connect-timeout": { status: 503, text: "did not accept the connection in time", retryAfterSeconds: 1 },
  reset: { status: 502, text: "closed the connection before its answer was complete" },
  stale: { status: 502, text: "closed a kept connection", retryAfterSeconds: 1 },
  protocol: { status: 502, text: "answered something that is not HTTP/1.1" },
  "too-large": { status: 502, text: "answered with headers that are too large" },
  "no-room": { status: 502, text: "answered more than pdserve keeps" },
  "kv-lost": { status: 502, text: "lost the KV it waited for" },
  stalled: { status: 503, text: "makes no token although it answers", retryAfterSeconds: 5 },
  timeout: { status: 504, text: "did not answer in time" },
};

/** A leg that broke off, before its answer or inside it. */
export function failureOfLeg(leg: LegName, worker: string, failure: LegFailure, phase: Phase): FailedLeg {
  const { status, text, retryAfterSeconds } = told[failure.is];
  // Our own limits are told; what a socket says may hold a worker's address and stays in the log.
  const isOwnLimit = failure.is === "timeout" || failure.is === "no-room";
  const message = isOwnLimit ? `${worker} ${text}: ${failure.message}` : `${worker} ${text}`;
  return {
    leg,
    worker,
    kind: failure.is,
    reason: `${worker} ${text}`,
    detail: failure.message,
    error: { status, message, leg, phase: failure.is === "connect-timeout" ? "connect" : phase, retryAfterSeconds },
    answer: null,
    // A decode worker that is only slow would compute twice; another prefill worker may be faster than a hung one.
    mayRetry: failure.is !== "timeout" || (leg === "prefill" && phase === "prefill"),
    fault: faultOf(failure),
  };
}

function faultOf({ is }: LegFailure): Fault | null {
  if (is === "stale" || is === "kv-lost" || is === "stalled") return null;
  return is === "refused" || is === "connect-timeout" ? "gone" : "failing";
}

/** A complete answer that is no answer: 5xx, or nothing at all. Null when the client can have it. */
export function failureOfAnswer(leg: LegName, worker: string, answer: WorkerAnswer): FailedLeg | null {
  const { head: { status }, body } = answer;
  if (status >= 200 && status < 300 && body.length > 0) return null;
  if (status >= 400 && status < 500) return null;
  const isEmpty = body.length === 0;
  const reason = `${worker} answered ${status}${isEmpty ? " without a body" : ""}`;
  return {
    ...badAnswer(leg, worker, reason, { status: status >= 500 ? status : 502 }),
    answer: isEmpty || status < 500 ? null : answer,
    // 503 says "not now": an engine that sheds load is not broken.
    fault: status === 503 ? null : "failing",
  };
}

/** An answer that came and is none the client can have, for `reason`. */
export function badAnswer(
  leg: LegName,
  worker: string,
  reason: string,
  error: Pick<OwnError, "status" | "retryAfterSeconds">,
): FailedLeg {
  return {
    leg,
    worker,
    kind: "answer",
    reason,
    detail: reason,
    error: { ...error, message: reason, leg },
    answer: null,
    mayRetry: true,
    fault: "failing",
  };
}

/** How vLLM tells inside a stream, its status line already sent, that it could not even begin: a failed KV load. */
const errorEvents = ['data: {"error"', "event: error"].map((text) => Buffer.from(text));

/** How SGLang's /generate tells the same: an answer that ends as it begins, aborted, with a status. */
const nothingSaid = Buffer.from('data: {"text":"","output_ids":[]');
const abortedAt = /"finish_reason":\{"type":"abort","message":"(?:[^"\\]|\\.)*","status_code":\d/;

/**
 * A stream that begins with an error of the worker's own. Nothing has reached the client, so this is as good as a 500;
 * an error that is about the request (4xx) is the client's.
 */
function failureOfFirstEvent(leg: LegName, worker: string, first: Uint8Array): FailedLeg | null {
  const begins = (start: Uint8Array) => beginsWith(first, start);
  if (!errorEvents.some(begins) && !(begins(nothingSaid) && abortedAt.test(sliceLatin1(first, 0, first.length)))) {
    return null;
  }
  const text = new TextDecoder().decode(first);
  const status = Number(/"(?:status_)?code"\s*:\s*(\d{3})\b/.exec(text)?.[1] ?? 500);
  if (status >= 400 && status < 500) return null;
  const reason = `${worker} began its stream with an error`;
  const error = { status, message: reason, leg };
  return {
    leg,
    worker,
    kind: "answer",
    reason,
    detail: text.slice(0, 500),
    error,
    answer: null,
    mayRetry: true,
    fault: "failing",
  };
}

/** Byte by byte: nearly every stream differs in the first few. */
function beginsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  for (let i = 0; i < start.length; i++) if (bytes[i] !== start[i]) return false;
  return true;
}

export type JudgedLeg =
  | { readonly is: "good"; readonly opening: Extract<LegOpening, { is: "answered" | "streaming" }> }
  | { readonly is: "failed"; readonly failed: FailedLeg }
  | { readonly is: "aborted" };

export function judgeOpening(leg: LegName, worker: string, opening: LegOpening, phase: Phase): JudgedLeg {
  switch (opening.is) {
    case "aborted":
      return opening;
    case "failed":
      return { is: "failed", failed: failureOfLeg(leg, worker, opening.failure, phase) };
    case "streaming": {
      const failed = failureOfFirstEvent(leg, worker, opening.first);
      return failed === null ? { is: "good", opening } : { is: "failed", failed };
    }
    case "answered": {
      const failed = failureOfAnswer(leg, worker, opening);
      return failed === null ? { is: "good", opening } : { is: "failed", failed };
    }
  }
}
