// The encoder leg of a chat with images or sounds: each medium goes to an encoder worker before prefill is asked, which then
// finds what the encoder made of it. Requests without media know nothing of encoders.
//
// The media stay in the request as they are, so prefill hashes the same content as the encoder did and finds its result.

import { createHash } from "node:crypto";
import { answerError, answerNobody, answerWith } from "./answer.ts";
import { lastMember, type ScannedBody } from "./body/scan_body.ts";
import type { Exchange } from "./exchange.ts";
import { type FailedLeg, judgeOpening, type WorkerAnswer } from "./leg_failure.ts";
import { encodeRequest } from "./leg_request.ts";
import type { Answer } from "./listen/client_request.ts";
import { attemptIdOf } from "./request_id.ts";
import type { Slot } from "./roster.ts";
import type { RouterIo } from "./router_io.ts";

/** Types of parts that encoders take. Source: vLLM's disagg_epd_proxy.py. */
const mediaTypes = ["image_url", "audio_url", "input_audio"];
const mediaMarks = mediaTypes.map((type) => Buffer.from(`"${type}"`));

export interface Medium {
  /** Of its content: the same medium always goes to the same encoder, which has it already. */
  readonly hash: string;
  readonly part: unknown;
}

/** Null when all media are encoded, or there is nothing to encode; else the answer to the client. */
export async function encodeMedia(exchange: Exchange, io: RouterIo): Promise<Answer | null> {
  const { route, body } = exchange.ask;
  // SGLang's language workers ask their encoders themselves.
  if (/sglang$/.test(io.settings.engine.name)) return null;
  const hasEncoders = io.roster.all().some(({ worker }) => worker.facts.role === "encode");
  if (!hasEncoders || route.api !== "chat" || body.is === "opaque") return null;
  const media = mediaIn(body);
  if (media.length === 0) return null;
  exchange.enter("encode", io.settings.prefillTimeoutMs);
  const ends = await Promise.all(media.map((medium) => encodeOne(exchange, medium, io)));
  if (exchange.hasLeft) return answerNobody(exchange);
  const failed = ends.find((end) => end !== null);
  if (failed === undefined) return null;
  exchange.abortLegs();
  if (failed === "none-ready") {
    const message = "No encoder worker is ready for this request's images";
    return answerError(exchange, { status: 503, message, leg: "encode", retryAfterSeconds: 1 });
  }
  if ("head" in failed) return answerWith(exchange, failed, io);
  return failed.answer === null ? answerError(exchange, failed.error) : answerWith(exchange, failed.answer, io);
}

/** Each medium once. */
export function mediaIn(body: ScannedBody): readonly Medium[] {
  if (
    !mediaMarks.some((mark) => Buffer.from(body.bytes.buffer, body.bytes.byteOffset, body.bytes.length).includes(mark))
  ) {
    return [];
  }
  const found = new Map<string, Medium>();
  for (const part of messagesOf(body).flatMap(partsOf)) {
    const type = memberOf(part, "type");
    if (typeof type !== "string" || !mediaTypes.includes(type)) continue;
    const url = memberOf(memberOf(part, type), "url");
    const hash = createHash("sha256").update(typeof url === "string" ? url : JSON.stringify(part)).digest("hex");
    found.set(hash, { hash, part });
  }
  return [...found.values()];
}

/** Rendezvous hashing: when an encoder comes or goes, only its own media move. */
export function encodersFor(hash: string, encoders: readonly Slot[]): readonly Slot[] {
  const weight = ({ name }: Slot) => createHash("sha256").update(`${name} ${hash}`).digest("hex");
  return encoders.map((slot) => ({ slot, weight: weight(slot) }))
    .sort((a, b) => a.weight < b.weight ? 1 : -1).map(({ slot }) => slot);
}

type End = null | "none-ready" | FailedLeg | WorkerAnswer;

/** The next encoder is tried when one fails, which costs no more than encoding the medium there. */
async function encodeOne(exchange: Exchange, medium: Medium, io: RouterIo): Promise<End> {
  let last: End = "none-ready";
  const able = io.roster.encode.filter(({ name }) => !io.health.avoids(name));
  for (const slot of encodersFor(medium.hash, able).slice(0, io.settings.maxAttempts)) {
    const request = encodeRequest(exchange.ask, attemptIdOf(exchange.id, io.random()), medium.part);
    const judged = judgeOpening("encode", slot.name, await exchange.startLeg(slot, request, "encode").opened, "encode");
    if (judged.is === "aborted") return last;
    if (judged.is === "good") {
      const { opening } = judged;
      // The worker's 4xx is the client's: prefill would say the same of the same medium.
      return opening.is === "answered" && opening.head.status >= 400 ? opening : null;
    }
    last = judged.failed;
    io.metrics.legFailures.add(`encode\0${slot.name}\0${last.kind}`);
    if (last.fault !== null) io.health.blame(slot.name, last.fault);
    if (!last.mayRetry || exchange.hasLeft) return last;
  }
  return last;
}

function messagesOf(body: ScannedBody): readonly unknown[] {
  const member = lastMember(body, "messages");
  if (member === null) return [];
  try {
    const messages: unknown = JSON.parse(
      new TextDecoder().decode(body.bytes.subarray(member.valueStart, member.valueEnd)),
    );
    return Array.isArray(messages) ? messages : [];
  } catch {
    // What no JSON reader takes, prefill refuses with its own words.
    return [];
  }
}

function partsOf(message: unknown): readonly unknown[] {
  const content = memberOf(message, "content");
  return Array.isArray(content) ? content : [];
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}
