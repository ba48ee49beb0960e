// What policies may know of a request, found out when one asks: most ask for nothing.

import type { RequestFacts } from "./policies/policy.ts";
import type { Ask } from "./read_ask.ts";
import { sessionKeyOf } from "./session_key.ts";

export function routingFactsOf(ask: Ask): RequestFacts {
  return {
    get sessionKey() {
      return sessionKeyOf(ask);
    },
    bodyBytes: ask.body.bytes.length,
    get prompt() {
      const { body: { bytes }, facts } = ask;
      const span = facts.messagesSpan ?? facts.promptSpan;
      return span === null ? bytes.subarray(0, 0) : bytes.subarray(span.start, span.end);
    },
  };
}
