// A client's request as the own server has read it.

import type { BodyTrouble, ClientRequest, Fields } from "./client_request.ts";
import type { RequestHead } from "./parse_request_head.ts";

export interface BodySource {
  /** Somebody waits for a body that is not here. */
  askForBody(): void;
}

export class OwnRequest implements ClientRequest {
  readonly head: RequestHead;
  body: Uint8Array | null;
  hasLeft = false;
  readonly #source: BodySource;
  #trouble: BodyTrouble | null = null;
  #taker: ((body: Uint8Array | BodyTrouble) => void) | null = null;
  #onLeave: (() => void) | null = null;

  constructor(head: RequestHead, body: Uint8Array | "too-large" | null, source: BodySource) {
    this.head = head;
    this.body = null;
    this.#source = source;
    if (body === "too-large") this.#trouble = body;
    else this.body = body;
  }

  get method(): string {
    return this.head.method;
  }

  get target(): string {
    return this.head.target;
  }

  get fields(): Fields {
    return this.head.fields;
  }

  header(name: string): string | null {
    let found: string | null = null;
    for (const field of this.head.fields) {
      if (field[0] === name) found = found === null ? field[1] : `${found}, ${field[1]}`;
    }
    return found;
  }

  whenBody(taker: (body: Uint8Array | BodyTrouble) => void): void {
    const here = this.body ?? this.#trouble;
    if (here !== null) return taker(here);
    this.#taker = taker;
    this.#source.askForBody();
  }

  onLeave(callback: () => void): void {
    const before = this.#onLeave;
    this.#onLeave = before === null ? callback : () => {
      before();
      callback();
    };
  }

  /** All of it has been read from the connection. */
  get isComplete(): boolean {
    return this.body !== null;
  }

  /** The last of the body is here, or it will never be. */
  bodyCame(body: Uint8Array | BodyTrouble): void {
    if (typeof body === "string") this.#trouble = body;
    else this.body = body;
    this.#taker?.(body);
    this.#taker = null;
  }

  leave(): void {
    if (this.hasLeft) return;
    this.hasLeft = true;
    if (this.body === null && this.#trouble === null) this.bodyCame("gone");
    this.#onLeave?.();
  }
}
