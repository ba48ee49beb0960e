// OffloadingConnector without a tier of other engines: KV that leaves the cache goes to memory of its own, which a simulated
// cache never needs. It takes part in no handoff.

import { type Connector, type EngineHost, nothingHandedOver } from "./connector.ts";

export function makeOwnTier({ connector }: EngineHost): Connector {
  return {
    start: () =>
      Promise.resolve(
        Number(connector.extra["cpu_bytes_to_use"]) > 0
          ? { kind: "ready" }
          : { kind: "failed", stderr: "Exception: cpu_bytes_to_use must be specified in kv_connector_extra_config" },
      ),
    arrived: () => {},
    lookup: () => ({ kind: "none" }),
    prefilled: () => {},
    finished: () => nothingHandedOver,
    dropped: () => {},
    state: () => ({ kind: "own_tier" }),
    stop: () => {},
  };
}
