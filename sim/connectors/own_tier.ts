// Connectors that take part in no handoff: offloading into host memory, which a simulated cache never needs, and those that
// serve something else.

import { type Connector, type EngineHost, nothingHandedOver } from "./connector.ts";

export function makeOwnTier({ connector }: EngineHost): Connector {
  const needsSize = connector.name === "OffloadingConnector";
  return {
    start: () =>
      Promise.resolve(
        Number(connector.extra["cpu_bytes_to_use"]) > 0 || !needsSize
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
