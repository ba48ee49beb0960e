// What goes out to one client: as few sends as can be, nothing held that the client has been given, and a promise only for
// whoever writes faster than the client reads.

import { Buffer } from "node:buffer";
import type { ClientSocket } from "./socket.ts";

type Write = (this: Buffer, text: string, at: number) => number;
/** What `Buffer.write` itself calls (not in its types). */
const { latin1Write } = Buffer.prototype as unknown as { latin1Write: Write };

/** Head, framing and bytes of one send are put together here; larger ones in memory of their own. */
const scratch = Buffer.allocUnsafeSlow(64 * 1024);
/** The longest size line and the line ends around a chunk. */
const framingBytes = 24;
const endOfChunks = Buffer.from("0\r\n\r\n");

export class Outbox {
  readonly #socket: ClientSocket;
  /** Goes with the first bytes of the body. */
  #head = "";
  #unsent: Uint8Array[] = [];
  #taken: PromiseWithResolvers<void> | null = null;

  constructor(socket: ClientSocket) {
    this.#socket = socket;
  }

  get isEmpty(): boolean {
    return this.#unsent.length === 0;
  }

  /** The next write begins with it. */
  putHead(text: string): void {
    this.#head = text;
  }

  /** The head, if it is still here. */
  flush(): void {
    if (this.#head !== "") this.#sendTogether(null, false);
  }

  /** `bytes` may be overwritten as soon as it returns. */
  write(bytes: Uint8Array): void {
    this.#sendTogether(bytes, false);
  }

  /** With `isLast` the end of all chunks goes with it. */
  writeChunk(bytes: Uint8Array, isLast: boolean): void {
    this.#sendTogether(bytes, true, isLast);
  }

  /** The end of all chunks alone. */
  writeEnd(): void {
    this.#sendTogether(endOfChunks, false);
  }

  /** Settles when the client has taken what it was sent; undefined when it has. */
  taken(): Promise<void> | undefined {
    if (this.#unsent.length === 0) return undefined;
    this.#taken ??= Promise.withResolvers<void>();
    return this.#taken.promise;
  }

  /** The socket has room again. */
  drain(): void {
    while (this.#unsent.length > 0) {
      const piece = this.#unsent[0]!;
      const sent = this.#socket.write(piece, 0, piece.length);
      if (sent < piece.length) {
        if (sent > 0) this.#unsent[0] = piece.subarray(sent);
        return;
      }
      this.#unsent.shift();
    }
    this.#settle();
  }

  /** Nothing more can be sent. */
  drop(): void {
    this.#head = "";
    this.#unsent = [];
    this.#settle();
  }

  #settle(): void {
    const taken = this.#taken;
    this.#taken = null;
    taken?.resolve();
  }

  #sendTogether(bytes: Uint8Array | null, isChunk: boolean, isLast = false): void {
    const head = this.#head;
    this.#head = "";
    const room = head.length + framingBytes + (bytes?.length ?? 0);
    const into = room <= scratch.length ? scratch : Buffer.allocUnsafeSlow(room);
    let at = head === "" ? 0 : latin1Write.call(into, head, 0);
    if (bytes !== null) {
      if (isChunk) at = putChunkSize(into, at, bytes.length);
      into.set(bytes, at);
      at += bytes.length;
      if (isChunk) at = putLineEnd(into, at);
      if (isLast) at += endOfChunks.copy(into, at);
    }
    this.#send(into, at, into === scratch);
  }

  #send(bytes: Buffer, length: number, isShared: boolean): void {
    const sent = this.#unsent.length > 0 ? 0 : Math.max(0, this.#socket.write(bytes, 0, length));
    if (sent === length) return;
    const rest = bytes.subarray(sent, length);
    this.#unsent.push(isShared ? Uint8Array.from(rest) : rest);
  }
}

function putChunkSize(into: Buffer, at: number, size: number): number {
  let shift = 0;
  while (size >> shift > 0xf) shift += 4;
  let next = at;
  for (; shift >= 0; shift -= 4) {
    const digit = (size >> shift) & 0xf;
    into[next++] = digit < 10 ? 0x30 + digit : 0x57 + digit;
  }
  return putLineEnd(into, next);
}

function putLineEnd(into: Buffer, at: number): number {
  into[at] = 0x0d;
  into[at + 1] = 0x0a;
  return at + 2;
}
