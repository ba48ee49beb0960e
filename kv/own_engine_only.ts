// What connectors have in common that serve the engine they run in and hand nothing to another one. Beside a connector
// that does, inside MultiConnector, they are of use to both workers.

import type { Connector, Wiring, WiringContext } from "./connector.ts";
import { noLegs } from "./handoff.ts";
import type { Json } from "./json.ts";
import { kvTransferConfig, noWiring } from "./kv_transfer_config.ts";

/** `instead` is what to do for prefill/decode serving. */
export function ownEngineOnly(why: string, instead: string) {
  return {
    leaseMs: null,
    proof: { covers: "whole-blocks", bytes: null },
    discovery: null,
    servesPlainRequests: true,
    ports: () => [],
    ...noLegs({ why, fix: instead }),
  } satisfies Partial<Connector>;
}

/** Regular workers have it too. An encode worker has no KV cache. */
export function ownEngineWiring(
  connectorName: string,
  context: WiringContext,
  ownExtra: Readonly<Record<string, Json>> = {},
): Wiring {
  if (context.role === "encode") return noWiring;
  return {
    kvTransferConfig: kvTransferConfig(connectorName, context, { kv_role: "kv_both" }, ownExtra),
    env: {},
    args: [],
  };
}

/** For a tier of host memory: the same beside NIXL, which moves the KV. */
export function besideNixl(connectorName: string, extraConfig: Readonly<Record<string, Json>>): string {
  const tier = Object.keys(extraConfig).length === 0
    ? { kv_connector: connectorName }
    : { kv_connector: connectorName, kv_connector_extra_config: extraConfig };
  const connectors = [{ kv_connector: "NixlConnector" }, tier];
  return `--kv-connector MultiConnector --kv-extra-config '${JSON.stringify({ connectors })}'`;
}
