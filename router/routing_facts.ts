// What policies may know of a request, found out when one asks: most ask for nothing.

import type { RequestFacts } from "./policies/policy.ts";
import type { Ask } from "./read_ask.ts";
import { sessionKeyOf } from "./session_key.ts";

export function routingFactsOf(ask: Ask): RequestFacts {
  return new AskedFacts(ask);
}

/** A class, because getters of a literal are made anew for each request. */
class AskedFacts implements RequestFacts {
  readonly #ask: Ask;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  get sessionKey(): string | null {
    return sessionKeyOf(this.#ask);
  }

  get bodyBytes(): number {
    return this.#ask.body.bytes.length;
  }

  get prompt(): Uint8Array {
    const { body: { bytes }, facts } = this.#ask;
    const span = facts.messagesSpan ?? facts.promptSpan;
    return span === null ? bytes.subarray(0, 0) : bytes.subarray(span.start, span.end);
  }
}
