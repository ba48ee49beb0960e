// Gathers the bytes of a head until its empty line, however they are cut into reads, and never beyond a limit.

import { Buffer } from "node:buffer";

export type CollectedHead =
  | { readonly is: "incomplete" }
  | { readonly is: "too-large" }
  /** `text` is latin1 without the final empty line; `next` is the index in the given bytes after the head. */
  | { readonly is: "complete"; readonly text: string; readonly next: number };

const incomplete: CollectedHead = { is: "incomplete" };
const tooLarge: CollectedHead = { is: "too-large" };

/** Holds the unfinished head of one connection; after `complete` it begins with the next head. */
export class HeadCollector {
  #kept: Buffer | null = null;
  #keptBytes = 0;

  constructor(readonly maxBytes: number) {}

  get isEmpty(): boolean {
    return this.#keptBytes === 0;
  }

  /** What has come of an unfinished head, as latin1. */
  text(): string {
    return this.#kept === null ? "" : this.#kept.toString("latin1", 0, this.#keptBytes);
  }

  clear(): void {
    this.#kept = null;
    this.#keptBytes = 0;
  }

  /** Takes bytes from index `at` on. */
  take(bytes: Uint8Array, at: number): CollectedHead {
    return this.#kept === null ? this.#takeFirst(bytes, at) : this.#takeMore(this.#kept, bytes, at);
  }

  /** Nearly every head comes whole in one read and is not copied. */
  #takeFirst(bytes: Uint8Array, at: number): CollectedHead {
    const end = findHeadEnd(bytes, at, bytes.length);
    if ((end < 0 ? bytes.length : end) - at > this.maxBytes) return tooLarge;
    if (end >= 0) return { is: "complete", text: latin1(bytes, at, end), next: end };
    this.#kept = Buffer.allocUnsafe(this.maxBytes + 1);
    this.#keptBytes = bytes.length - at;
    this.#kept.set(bytes.subarray(at));
    return incomplete;
  }

  #takeMore(kept: Buffer, bytes: Uint8Array, at: number): CollectedHead {
    const before = this.#keptBytes;
    // No more than fits: the rest of the read may be a body of any size.
    const part = bytes.subarray(at, at + kept.length - before);
    kept.set(part, before);
    this.#keptBytes = before + part.length;
    const end = findHeadEnd(kept, Math.max(0, before - 3), this.#keptBytes);
    if (end < 0) return this.#keptBytes > this.maxBytes ? tooLarge : incomplete;
    this.clear();
    if (end > this.maxBytes) return tooLarge;
    return { is: "complete", text: latin1(kept, 0, end), next: at + end - before };
  }
}

/** Index after the first empty line that lies between `from` and `to`; -1 when there is none. */
function findHeadEnd(bytes: Uint8Array, from: number, to: number): number {
  let feed = indexOf.call(bytes, 0x0a, from);
  while (feed >= 0 && feed < to) {
    if (bytes[feed - 1] === 0x0d && bytes[feed - 2] === 0x0a && bytes[feed - 3] === 0x0d) return feed + 1;
    feed = indexOf.call(bytes, 0x0a, feed + 1);
  }
  return -1;
}

/** Buffer's own indexOf is six times as slow on short stretches. */
const indexOf = Uint8Array.prototype.indexOf;

function latin1(bytes: Uint8Array, start: number, headEnd: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1", start, headEnd - 4);
}
