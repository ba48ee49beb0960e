// HTTP/1.1 requests of one connection as an incremental state machine: bytes in, requests out. No sockets, no clock.

import { Buffer } from "node:buffer";
import { HeadCollector } from "../upstream/collect_head.ts";
import { ChunkDecoder } from "../upstream/decode_chunks.ts";
import { parseRequestHead, parseRequestLine, type Refusal, refuse, type RequestHead } from "./parse_request_head.ts";

export interface RequestLimits {
  readonly maxHeadBytes: number;
  /** Of a body longer than this nothing is kept. */
  readonly maxBodyBytes: number;
}

/** What one read of bytes has brought of one request. */
export interface ParsedRead {
  /** Index after the last byte that was taken; what follows belongs to the next request. */
  readonly next: number;
  readonly head: RequestHead | null;
  /** The whole body, in the read that completes it: then the request is complete. */
  readonly body: Uint8Array | "too-large" | null;
  /** Nothing after it can be read. */
  readonly refusal: Refusal | null;
}

type Phase =
  | { readonly is: "head"; lineEnds: number; sawLine: boolean }
  | { readonly is: "sized"; readonly whole: Buffer; have: number }
  | { readonly is: "chunked"; readonly decoder: ChunkDecoder; whole: Buffer; have: number }
  /** It is longer than we take, and passes by unread. */
  | { readonly is: "too-large" }
  | { readonly is: "complete" };

type BodyPhase = Extract<Phase, { is: "sized" | "chunked" | "too-large" }>;

const noBytes = Buffer.alloc(0);
const leastRoomBytes = 4_096;
/** Reads of this size are given back at once. */
const largeBytes = 65_536;
const complete = { is: "complete" } as const;
const tooLarge = { is: "too-large" } as const;

/** One request after the other; `begin` before each. */
export class RequestParser {
  readonly #limits: RequestLimits;
  readonly #collector: HeadCollector;
  #phase: Phase = { is: "head", lineEnds: 0, sawLine: false };

  constructor(limits: RequestLimits) {
    this.#limits = limits;
    this.#collector = new HeadCollector(limits.maxHeadBytes);
  }

  begin(): void {
    this.#phase = { is: "head", lineEnds: 0, sawLine: false };
  }

  /** Some bytes of a head are here, and not all. */
  get isInHead(): boolean {
    return !this.#collector.isEmpty;
  }

  /** Bodies may point into `bytes`, whose memory is the parser's from now on. Not to be called after a body or a refusal, before the next `begin`. */
  read(bytes: Uint8Array, at: number): ParsedRead {
    switch (this.#phase.is) {
      case "head":
        return this.#readHead(this.#phase, bytes, at);
      case "complete":
        return { next: at, head: null, body: null, refusal: null };
      default:
        return this.#readBody(this.#phase, bytes, at, null);
    }
  }

  #readHead(phase: Extract<Phase, { is: "head" }>, bytes: Uint8Array, from: number): ParsedRead {
    let at = from;
    // RFC 9112 §2.2: one empty line before a request is passed over; some clients send it after a body.
    while (this.#collector.isEmpty && phase.lineEnds < 2 && bytes[at] === lineEnd[phase.lineEnds]) {
      at++;
      phase.lineEnds++;
    }
    if (at === bytes.length) return { next: at, head: null, body: null, refusal: null };
    if (phase.lineEnds === 1 || (this.#collector.isEmpty && !isTokenByte(bytes[at]!))) {
      return refused(at, refuse(400, "its first line is not that of an HTTP/1.1 request"));
    }
    const collected = this.#collector.take(bytes, at);
    if (collected.is === "too-large") {
      return refused(at, refuse(431, `its head is over ${this.#limits.maxHeadBytes} bytes`));
    }
    if (collected.is === "incomplete") {
      const refusal = phase.sawLine ? null : this.#judgeFirstLine(phase, bytes, at);
      return { next: bytes.length, head: null, body: null, refusal };
    }
    const head = parseRequestHead(collected.text);
    if ("is" in head) return refused(at, head);
    return this.#beginBody(head, bytes, collected.next);
  }

  /** Refuses another protocol at its first line, instead of waiting for an empty one that may never come. */
  #judgeFirstLine(phase: Extract<Phase, { is: "head" }>, bytes: Uint8Array, at: number): Refusal | null {
    if (bytes.indexOf(0x0a, at) < 0) return null;
    phase.sawLine = true;
    const text = this.#collector.text();
    const line = parseRequestLine(text.slice(0, text.indexOf("\n")).replace(/\r$/, ""));
    return "is" in line ? line : null;
  }

  #beginBody(head: RequestHead, bytes: Uint8Array, at: number): ParsedRead {
    const { body } = head;
    if (body.is === "none") {
      this.#phase = complete;
      return { next: at, head, body: noBytes, refusal: null };
    }
    if (body.is === "chunked") {
      return this.#startBody({ is: "chunked", decoder: new ChunkDecoder(), whole: noBytes, have: 0 }, bytes, at, head);
    }
    if (body.length > this.#limits.maxBodyBytes) return this.#startBody(tooLarge, bytes, at, head);
    if (body.length > bytes.length - at) {
      return this.#startBody({ is: "sized", whole: Buffer.allocUnsafeSlow(body.length), have: 0 }, bytes, at, head);
    }
    this.#phase = complete;
    return { next: at + body.length, head, body: bytes.subarray(at, at + body.length), refusal: null };
  }

  #startBody(phase: BodyPhase, bytes: Uint8Array, at: number, head: RequestHead): ParsedRead {
    this.#phase = phase;
    return this.#readBody(phase, bytes, at, head);
  }

  #readBody(
    phase: BodyPhase,
    bytes: Uint8Array,
    at: number,
    head: RequestHead | null,
  ): ParsedRead {
    if (phase.is === "too-large") {
      this.#phase = complete;
      return { next: bytes.length, head, body: "too-large", refusal: null };
    }
    return phase.is === "sized" ? this.#readSized(phase, bytes, at, head) : this.#readChunked(phase, bytes, at, head);
  }

  #readSized(
    phase: Extract<Phase, { is: "sized" }>,
    bytes: Uint8Array,
    at: number,
    head: RequestHead | null,
  ): ParsedRead {
    const next = Math.min(bytes.length, at + phase.whole.length - phase.have);
    phase.whole.set(bytes.subarray(at, next), phase.have);
    phase.have += next - at;
    if (next - at >= largeBytes && next - at === bytes.buffer.byteLength) giveBack(bytes.buffer);
    const isWhole = phase.have === phase.whole.length;
    if (isWhole) this.#phase = complete;
    return { next, head, body: isWhole ? phase.whole : null, refusal: null };
  }

  #readChunked(
    phase: Extract<Phase, { is: "chunked" }>,
    bytes: Uint8Array,
    at: number,
    head: RequestHead | null,
  ): ParsedRead {
    const { payload, next, isEnd, problem } = phase.decoder.decode(bytes, at);
    const bytesNow = phase.have + (payload?.length ?? 0);
    if (bytesNow > this.#limits.maxBodyBytes) return this.#readBody(tooLarge, bytes, next, head);
    if (problem !== null) return { next, head, body: null, refusal: refuse(400, `in its body ${problem}`) };
    if (isEnd) this.#phase = complete;
    if (isEnd && phase.have === 0) return { next, head, body: payload ?? noBytes, refusal: null };
    if (payload !== null) {
      phase.whole = roomFor(bytesNow, phase.whole, phase.have);
      phase.whole.set(payload, phase.have);
      phase.have = bytesNow;
    }
    return { next, head, body: isEnd ? phase.whole.subarray(0, phase.have) : null, refusal: null };
  }
}

/** To the allocator, which has it warm for the next read; garbage collection would come after many of them. */
function giveBack(read: ArrayBufferLike): void {
  if (read instanceof ArrayBuffer) read.transfer(0);
}

/** One buffer that grows, since a body may come in millions of pieces. */
function roomFor(bytes: number, whole: Buffer, have: number): Buffer {
  if (bytes <= whole.length) return whole;
  const larger = Buffer.allocUnsafeSlow(Math.max(leastRoomBytes, bytes, 2 * whole.length));
  larger.set(whole.subarray(0, have));
  return larger;
}

const lineEnd = [0x0d, 0x0a];

/** A method begins with one; what begins otherwise is another protocol. */
function isTokenByte(byte: number): boolean {
  return byte > 0x20 && byte < 0x7f;
}

function refused(next: number, refusal: Refusal): ParsedRead {
  return { next, head: null, body: null, refusal };
}
