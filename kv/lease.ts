// How long prefill really keeps a finished request's blocks in this run.

import type { Connector } from "./connector.ts";
import type { Json } from "./json.ts";

/** The connector's lease, or what the user's `kv_connector_extra_config` made of it; null where nothing is pinned. */
export function leaseMsOf(
  connector: Pick<Connector, "leaseMs" | "leaseKey">,
  extraConfig: Readonly<Record<string, Json>>,
): number | null {
  const seconds = connector.leaseKey === undefined ? undefined : extraConfig[connector.leaseKey];
  return typeof seconds === "number" && seconds > 0 ? seconds * 1000 : connector.leaseMs;
}
