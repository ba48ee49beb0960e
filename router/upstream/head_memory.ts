// The last head that one worker sent, kept as bytes: a busy worker answers with the same head many times a second, on
// all its connections, until its `date` moves on, and then comparing is all there is to do.

import { Buffer } from "node:buffer";
import type { ParsedHead } from "./parse_head.ts";

export class HeadMemory {
  #bytes: Buffer = Buffer.alloc(0);
  #method = "";
  #parsed: ParsedHead | null = null;

  /** What the head that starts at `at` means, when it is the remembered one and whole in `bytes`; else null. */
  recall(bytes: Uint8Array, at: number, method: string): ParsedHead | null {
    const end = at + this.length;
    if (this.#parsed === null || method !== this.#method || end > bytes.length) return null;
    return this.#bytes.compare(bytes, at, end) === 0 ? this.#parsed : null;
  }

  /** Bytes of the remembered head, its empty line included. */
  get length(): number {
    return this.#bytes.length;
  }

  /** `text` is the head as latin1 without its empty line. */
  remember(text: string, method: string, parsed: ParsedHead): void {
    this.#bytes = Buffer.from(`${text}\r\n\r\n`, "latin1");
    this.#method = method;
    this.#parsed = parsed;
  }
}
