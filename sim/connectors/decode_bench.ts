// DecodeBenchConnector: every prompt counts as loaded, with made-up KV, so the answers are nonsense (kv-protocols.md §5.10).

import { type Connector, nothingHandedOver } from "./connector.ts";

/** Any number but those that computing the prompt gives. */
const MADE_UP_SLOT = 15;

export function makeDecodeBench(): Connector {
  return {
    start: () => Promise.resolve({ kind: "ready" }),
    arrived() {},
    lookup(request, localTokens) {
      const tokens = request.promptIds.length - 1 - localTokens;
      if (tokens <= 0) return { kind: "none" };
      const slots = new Uint32Array(tokens).fill(MADE_UP_SLOT);
      return {
        ...{ kind: "load", tier: "external_unspecified", tokens },
        load: () => Promise.resolve({ kind: "loaded", slots }),
      };
    },
    prefilled() {},
    finished: () => nothingHandedOver,
    dropped() {},
    state: () => ({ kind: "decode_bench" }),
    stop() {},
  };
}
