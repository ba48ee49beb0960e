// Decodes a chunked body (RFC 9112 §7.1) read by read. The payload of one read becomes one piece: chunk sizes between
// payloads are closed up inside the read's own buffer, so what a worker sent at once goes to the client at once.

import { parseFields } from "./parse_head.ts";

export interface DecodedChunks {
  /** Null when this read held no payload. */
  readonly payload: Uint8Array | null;
  /** Index after the last byte that was read; at an end, after the body. */
  readonly next: number;
  readonly isEnd: boolean;
  /** What is wrong with the bytes after `payload`; null when nothing is. */
  readonly problem: string | null;
}

type Phase = "size" | "extensions" | "size-feed" | "data" | "data-return" | "data-feed" | "trailers" | "end";

const carriageReturn = 0x0d;
const lineFeed = 0x0a;
const semicolon = 0x3b;
/** 13 hex digits are below 2^53: every such size is exact. */
const maxSizeDigits = 13;
const maxExtensionBytes = 4_096;
/** RFC 9112 §7.1.1, without the optional white space that nobody sends. */
const extensions =
  /^(?:;[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:=(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+|"(?:[\t\x20!\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"))?)+$/;
const maxTrailerBytes = 16_384;

/** One chunked body, from its first chunk size to the end of its trailers, which are checked and thrown away. */
export class ChunkDecoder {
  #phase: Phase = "size";
  #size = 0;
  #sizeDigits = 0;
  #extensions = "";
  #trailers = "";
  #problem: string | null = null;

  /** Decodes from index `at` on; `bytes` is overwritten. Not to be called again after an end or a problem. */
  decode(bytes: Uint8Array, at: number): DecodedChunks {
    let next = at;
    let start = -1;
    let end = -1;
    while (next < bytes.length && this.#phase !== "end" && this.#problem === null) {
      if (this.#phase !== "data") {
        const after = this.#takeUsualFraming(bytes, next);
        if (after === next) this.#takeFramingByte(bytes[next++]!);
        else next = after;
        continue;
      }
      const taken = Math.min(this.#size, bytes.length - next);
      if (start < 0) start = end = next;
      else bytes.copyWithin(end, next, next + taken);
      end += taken;
      next += taken;
      this.#size -= taken;
      if (this.#size === 0) this.#phase = "data-return";
    }
    const payload = end > start ? bytes.subarray(start, end) : null;
    return { payload, next, isEnd: this.#phase === "end", problem: this.#problem };
  }

  /**
   * What stands between two chunks of an honest worker, when all of it is here: the end of one, the plain size of the
   * next, or the end of the body. Gives `at` back for anything else, which goes byte by byte.
   */
  #takeUsualFraming(bytes: Uint8Array, at: number): number {
    let next = at;
    if (this.#phase === "data-return") {
      if (!isLineEnd(bytes, next)) return at;
      next += 2;
    } else if (this.#phase !== "size" || this.#sizeDigits > 0) return at;

    const firstDigit = next;
    let size = 0;
    for (let digit = hexDigit(bytes[next]!); digit >= 0; digit = hexDigit(bytes[++next]!)) size = size * 16 + digit;
    const digits = next - firstDigit;
    if (digits === 0 || digits > maxSizeDigits || !isLineEnd(bytes, next)) return at;
    this.#size = size;
    this.#phase = size === 0 ? "trailers" : "data";
    if (size > 0 || !isLineEnd(bytes, next + 2)) return next + 2;
    this.#phase = "end";
    return next + 4;
  }

  #takeFramingByte(byte: number): void {
    switch (this.#phase) {
      case "size":
        return this.#takeSizeByte(byte);
      case "extensions":
        return this.#takeExtensionByte(byte);
      case "size-feed":
        return this.#expect(byte, lineFeed, this.#size === 0 ? "trailers" : "data", "a chunk size ends with a bare CR");
      case "data-return":
        return this.#expect(byte, carriageReturn, "data-feed", "a chunk is longer than its size says");
      case "data-feed":
        this.#sizeDigits = 0;
        return this.#expect(byte, lineFeed, "size", "a chunk is longer than its size says");
      default:
        return this.#takeTrailerByte(byte);
    }
  }

  #expect(byte: number, expected: number, then: Phase, problem: string): void {
    if (byte === expected) this.#phase = then;
    else this.#problem = problem;
  }

  #takeSizeByte(byte: number): void {
    const digit = hexDigit(byte);
    if (digit >= 0 && this.#sizeDigits++ < maxSizeDigits) this.#size = this.#size * 16 + digit;
    else if (digit >= 0) this.#problem = "a chunk size is too large";
    else if (this.#sizeDigits > 0 && byte === carriageReturn) this.#phase = "size-feed";
    else if (this.#sizeDigits > 0 && byte === semicolon) this.#startExtensions();
    else this.#problem = `a chunk size holds the byte ${byte}`;
  }

  #startExtensions(): void {
    this.#phase = "extensions";
    this.#extensions = ";";
  }

  #takeExtensionByte(byte: number): void {
    if (byte !== carriageReturn) {
      this.#extensions += String.fromCharCode(byte);
      if (this.#extensions.length > maxExtensionBytes) this.#problem = "a chunk extension is too long";
    } else if (extensions.test(this.#extensions)) this.#phase = "size-feed";
    else this.#problem = `a chunk extension is ${JSON.stringify(this.#extensions.slice(0, 80))}`;
  }

  #takeTrailerByte(byte: number): void {
    const isBareFeed = byte === lineFeed && !this.#trailers.endsWith("\r");
    this.#trailers += String.fromCharCode(byte);
    if (isBareFeed) this.#problem = "a trailer ends with a bare LF";
    else if (this.#trailers.length > maxTrailerBytes) this.#problem = `the trailers are over ${maxTrailerBytes} bytes`;
    else if (byte === lineFeed && isLastTrailerLine(this.#trailers)) this.#endTrailers();
  }

  #endTrailers(): void {
    const fields = this.#trailers === "\r\n" ? [] : parseFields(this.#trailers.slice(0, -4).split("\r\n"));
    if (typeof fields === "string") this.#problem = `in its trailers ${fields}`;
    // RFC 9110 §6.5.1: a trailer must not say how the message is framed.
    else if (fields.some(([name]) => name === "content-length" || name === "transfer-encoding")) {
      this.#problem = "its trailers hold a header that frames it";
    } else this.#phase = "end";
  }
}

function isLastTrailerLine(trailers: string): boolean {
  return trailers === "\r\n" || trailers.endsWith("\r\n\r\n");
}

function isLineEnd(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === carriageReturn && bytes[at + 1] === lineFeed;
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
