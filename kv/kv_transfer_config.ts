// The JSON of vLLM's --kv-transfer-config, as far as it is alike for all connectors.
// Source: vLLM config/kv_transfer.py; unknown top-level members are refused by vLLM, so nothing is written on suspicion.

import type { Role, Wiring, WiringContext } from "./connector.ts";
import type { Json } from "./json.ts";

/** A regular or encode worker takes no part in handoffs: an empty config stands for "no --kv-transfer-config". */
export const noWiring: Wiring = { kvTransferConfig: {}, env: {}, args: [] };

export function takesPart(role: Role): role is "prefill" | "decode" {
  return role === "prefill" || role === "decode";
}

/** `members` may hold the connector's own `kv_connector_extra_config`; the user's members win over those. */
export function kvTransferConfig(
  connectorName: string,
  context: WiringContext,
  members: Readonly<Record<string, Json>> = {},
  ownExtra: Readonly<Record<string, Json>> = {},
): Readonly<Record<string, Json>> {
  const extra = { ...ownExtra, ...context.extraConfig };
  return {
    kv_connector: connectorName,
    kv_role: kvRoleOf(context.role),
    ...members,
    ...(Object.keys(extra).length > 0 ? { kv_connector_extra_config: extra } : {}),
  };
}

export function kvRoleOf(role: Role): "kv_producer" | "kv_consumer" {
  return role === "prefill" ? "kv_producer" : "kv_consumer";
}

/** The first port of a purpose the connector itself asked for; its absence is a bug of the plan. */
export function portFor(purpose: string, context: Pick<WiringContext, "ports">): number {
  const port = context.ports[purpose];
  if (port === undefined) throw new Error(`no port was planned for ${purpose}`);
  return port;
}
