// HTTP/1.1 responses of one connection as an incremental state machine: bytes in, events out. No sockets, no clock.

import type { ResponseHead, UpstreamFailure } from "./client.ts";
import { HeadCollector } from "./collect_head.ts";
import { ChunkDecoder } from "./decode_chunks.ts";
import { HeadMemory } from "./head_memory.ts";
import { type ParsedHead, parseHead } from "./parse_head.ts";

/** What one read of bytes contained, in this order. Never more than one payload, whatever the framing. */
export interface ParsedRead {
  readonly head: ResponseHead | null;
  readonly payload: Uint8Array | null;
  /** The response is complete; the connection may serve another request (`keep`) or not (`close`). */
  readonly end: "keep" | "close" | null;
  readonly failure: ParseFailure | null;
}

export interface ParseFailure {
  readonly is: Extract<UpstreamFailure["is"], "protocol" | "too-large" | "reset">;
  readonly message: string;
}

type Phase =
  | { readonly is: "head"; interims: number }
  | { readonly is: "sized"; left: number }
  | { readonly is: "chunked"; readonly decoder: ChunkDecoder }
  | { readonly is: "until-close" };

const nothing: ParsedRead = { head: null, payload: null, end: null, failure: null };
const untilClose: Phase = { is: "until-close" };
/** RFC 9110 §15.2 allows any number of 1xx answers; nobody honest sends more than one or two. */
const maxInterims = 16;

/** One response after the other; `begin` before each. */
export class ResponseParser {
  readonly #collector: HeadCollector;
  readonly #memory: HeadMemory;
  #phase: Phase = untilClose;
  #method = "GET";
  #keepAlive = false;

  /** `memory` is best shared by all connections to one worker. */
  constructor(maxHeadBytes: number, memory = new HeadMemory()) {
    this.#collector = new HeadCollector(maxHeadBytes);
    this.#memory = memory;
  }

  /** The next bytes answer a request with this method: the answer to HEAD has no body. */
  begin(method: string): void {
    this.#method = method;
    this.#phase = { is: "head", interims: 0 };
    this.#collector.clear();
  }

  /** Payload is closed up inside `bytes`. Not to be called between an end or a failure and the next `begin`. */
  read(bytes: Uint8Array): ParsedRead {
    return this.#phase.is === "head" ? this.#readHead(this.#phase, bytes) : this.#readBody(this.#phase, bytes, 0, null);
  }

  /** The connection has ended in order: either that ends the response, or the response has failed. */
  close(): ParsedRead {
    if (this.#phase.is === "until-close") return { ...nothing, end: "close" };
    const where = this.#phase.is === "head" ? "before its answer's head was complete" : "in the middle of its answer";
    return fail("reset", `the worker closed the connection ${where}`);
  }

  #readHead(phase: { interims: number }, bytes: Uint8Array): ParsedRead {
    const known = this.#collector.isEmpty ? this.#memory.recall(bytes, 0, this.#method) : null;
    if (known !== null) return this.#beginBody(known, bytes, this.#memory.length);
    for (let at = 0; at < bytes.length;) {
      if (this.#collector.isEmpty && !mayStartHead(bytes, at)) return fail("protocol", "the answer is not HTTP/1.1");
      const collected = this.#collector.take(bytes, at);
      if (collected.is === "incomplete") return nothing;
      if (collected.is === "too-large") {
        return fail("too-large", `the answer's head is over ${this.#collector.maxBytes} bytes`);
      }
      const parsed = parseHead(collected.text, this.#method);
      if (typeof parsed === "string") return fail("protocol", `the answer is refused: ${parsed}`);
      const { head } = parsed;
      at = collected.next;
      if (head.status >= 200) {
        this.#memory.remember(collected.text, this.#method, parsed);
        return this.#beginBody(parsed, bytes, at);
      }
      if (head.status === 101) return fail("protocol", "the answer switches protocols, which nobody asked for");
      if (++phase.interims > maxInterims) return fail("protocol", `the answer has over ${maxInterims} interim heads`);
    }
    return nothing;
  }

  #beginBody({ head, framing, keepAlive }: ParsedHead, bytes: Uint8Array, at: number): ParsedRead {
    this.#keepAlive = keepAlive;
    switch (framing.is) {
      case "sized":
        if (framing.length === 0) return this.#end(bytes, at, head, null);
        this.#phase = { is: "sized", left: framing.length };
        break;
      case "chunked":
        this.#phase = { is: "chunked", decoder: new ChunkDecoder() };
        break;
      case "until-close":
        this.#phase = untilClose;
        break;
      case "none":
        return this.#end(bytes, at, head, null);
    }
    return this.#readBody(this.#phase, bytes, at, head);
  }

  #readBody(phase: Phase, bytes: Uint8Array, at: number, head: ResponseHead | null): ParsedRead {
    switch (phase.is) {
      case "sized": {
        const next = Math.min(bytes.length, at + phase.left);
        phase.left -= next - at;
        const payload = slice(bytes, at, next);
        return phase.left === 0 ? this.#end(bytes, next, head, payload) : { ...nothing, head, payload };
      }
      case "chunked": {
        const { payload, next, isEnd, problem } = phase.decoder.decode(bytes, at);
        if (problem !== null) return { ...fail("protocol", `the answer is refused: ${problem}`), head, payload };
        return isEnd ? this.#end(bytes, next, head, payload) : { ...nothing, head, payload };
      }
      default:
        return { ...nothing, head, payload: slice(bytes, at, bytes.length) };
    }
  }

  /** Bytes after the end belong to no request; a connection that brings them is not used again. */
  #end(bytes: Uint8Array, next: number, head: ResponseHead | null, payload: Uint8Array | null): ParsedRead {
    const end = this.#keepAlive && next === bytes.length ? "keep" : "close";
    return { head, payload, end, failure: null };
  }
}

const statusLineStart = [..."HTTP/1."].map((letter) => letter.charCodeAt(0));

/** Refuses another protocol at its first bytes, instead of waiting for an empty line that may never come. */
function mayStartHead(bytes: Uint8Array, at: number): boolean {
  return statusLineStart.every((byte, i) => at + i >= bytes.length || bytes[at + i] === byte);
}

function slice(bytes: Uint8Array, start: number, end: number): Uint8Array | null {
  if (end === start) return null;
  return start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end);
}

function fail(is: ParseFailure["is"], message: string): ParsedRead {
  return { ...nothing, failure: { is, message } };
}
