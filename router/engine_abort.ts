// Answers that an engine has broken off by itself: on SIGTERM vLLM ends what runs with status 200 and finish_reason "abort"
// (seen on a real 0.32.0). To the client that would be an answer like any other, only shorter.

import { Buffer } from "node:buffer";
import type { ApiKind } from "../kv/connector.ts";
import { sliceLatin1 } from "./body/slice_text.ts";
import { badAnswer, type FailedLeg, type JudgedLeg, type LegName } from "./leg_failure.ts";

/** Calls by which an administrator or a trainer ends requests on purpose: then an abort is the answer. */
export interface AskedAborts {
  /** The engines are asked for something that may end requests. */
  note(): void;
  /** Whether a request that came then may have been ended by it. */
  isAskedSince(acceptedMs: number): boolean;
}

/** Where this process hears of all that is asked; else see procs/shared_aborts.ts. */
export function makeAskedAborts(now: () => number): AskedAborts {
  let lastMs = -Infinity;
  return {
    note: () => void (lastMs = Math.max(lastMs, now())),
    isAskedSince: (acceptedMs) => lastMs >= acceptedMs,
  };
}

/** As vLLM writes it, and as SGLang does. Quotes inside a text are escaped, so no text of an answer can look like it. */
const signs = ['"finish_reason":"abort"', '"finish_reason":{"type":"abort"'].map((text) => Buffer.from(text));

/** Of a JSON answer or of a part of a stream; `responses` and `messages` do not tell an abort from another end. */
export function saysAborted(bytes: Uint8Array, api: ApiKind): boolean {
  if (api === "responses" || api === "messages") return false;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return signs.some((sign) => text.includes(sign));
}

/** The error event by which vLLM ends a stream whose engine has died: SIGTERM may come to that too. Not one about the request. */
const errorAtEnd = /(?:^|\n)data: ?\{"error":.*"code": ?5\d\d/;

/** How a stream's last bytes say that it is not all of the answer; null where they do not. */
export function whyBroken(tail: Uint8Array, api: ApiKind, isAsked: boolean): "aborted" | "error" | null {
  if (!isAsked && saysAborted(tail, api)) return "aborted";
  return errorAtEnd.test(sliceLatin1(tail, 0, tail.length)) ? "error" : null;
}

/** A good opening, unless it is an answer that its engine broke off: nothing of it has reached the client yet. */
export function unlessAborted(
  judged: JudgedLeg,
  leg: LegName,
  worker: string,
  api: ApiKind,
  isAsked: boolean,
): JudgedLeg {
  if (judged.is !== "good" || isAsked) return judged;
  const { opening } = judged;
  const isAborted = saysAborted(opening.is === "answered" ? opening.body : opening.first, api);
  return isAborted ? { is: "failed", failed: abortedLeg(leg, worker) } : judged;
}

function abortedLeg(leg: LegName, worker: string): FailedLeg {
  const reason = `${worker} ended the request before its answer was complete (finish_reason abort)`;
  return badAnswer(leg, worker, reason, { status: 503, retryAfterSeconds: 1 });
}
