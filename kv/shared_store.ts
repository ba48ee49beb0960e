// What connectors over a store have in common: every worker saves to it and looks things up in it, so requests run as
// plain two-step, and decode computes what it does not find.

import type { Connector, ExternalServer, Wiring, WiringContext } from "./connector.ts";
import { plainTwoStep } from "./handoff.ts";
import type { Json } from "./json.ts";
import { kvTransferConfig, noWiring, takesPart } from "./kv_transfer_config.ts";

export const sharedStore = {
  leaseMs: null,
  proof: { covers: "whole-blocks", bytes: null },
  discovery: null,
  servesPlainRequests: true,
  ports: () => [],
  ...plainTwoStep,
} satisfies Partial<Connector>;

/**
 * Keys are made of hashes, which start from a random number in each process where the hash is Python's own or one of the
 * quick ones. Source: vLLM v1/core/kv_cache_utils.py, init_none_hash.
 */
export const sameHashes = { PYTHONHASHSEED: "0" } as const;

/** `kv_both`: both sides save and load. A connector that tells the roles apart says so in `members`. */
export function storeWiring(
  connectorName: string,
  context: WiringContext,
  ownExtra: Readonly<Record<string, Json>> = {},
  members: Readonly<Record<string, Json>> = { kv_role: "kv_both" },
): Wiring {
  if (!takesPart(context.role)) return noWiring;
  return { kvTransferConfig: kvTransferConfig(connectorName, context, members, ownExtra), env: sameHashes, args: [] };
}

/** `tcp://localhost`, `http://host:1`, `lm://host:1` and `host` as host and port; what is not said is `usual`'s. */
export function addressOf(
  url: Json | undefined,
  usual: Pick<ExternalServer, "host" | "port">,
): Pick<ExternalServer, "host" | "port"> {
  if (typeof url !== "string") return usual;
  const [, host = usual.host, port] = /^(?:\w+:\/\/)?([\w.-]+)(?::(\d+))?/.exec(url) ?? [];
  return { host, port: port === undefined ? usual.port : Number(port) };
}
