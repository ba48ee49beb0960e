// All connectors pdserve knows. Flag choices, help, docs and the conformance tests read this registry.

import type { Connector } from "./connector.ts";
import { example } from "./example.ts";
import { mooncake } from "./mooncake.ts";
import { nearestName } from "./nearest_name.ts";
import { nixl } from "./nixl.ts";
import { nixlPush } from "./nixl_push.ts";
import { p2pNccl } from "./p2p_nccl.ts";
import { unknownConnector } from "./unknown_connector.ts";

export const connectors = {
  NixlConnector: nixl,
  NixlPushConnector: nixlPush,
  MooncakeConnector: mooncake,
  P2pNcclConnector: p2pNccl,
  ExampleConnector: example,
} satisfies Record<string, Connector>;

export type FoundConnector =
  | { readonly is: "known"; readonly connector: Connector }
  /** `connector` is a plain two-step one under the very name; `nearest` is the known name that was perhaps meant. */
  | { readonly is: "unknown"; readonly connector: Connector; readonly nearest: string | null };

/** By vLLM's name or an alias, whatever the case. */
export function findConnector(nameOrAlias: string): FoundConnector {
  const known = connectorNamed(nameOrAlias);
  if (known !== null) return { is: "known", connector: known };
  const meant = nearestName(stemOf(nameOrAlias), all.flatMap(namesOf).map(stemOf));
  const nearest = all.find((connector) => namesOf(connector).map(stemOf).includes(meant ?? ""))?.name ?? null;
  return { is: "unknown", connector: unknownConnector(nameOrAlias), nearest };
}

const all: readonly Connector[] = Object.values(connectors);

function connectorNamed(nameOrAlias: string): Connector | null {
  const wanted = nameOrAlias.toLowerCase();
  return all.find((connector) => namesOf(connector).some((name) => name.toLowerCase() === wanted)) ?? null;
}

function namesOf({ name, aliases }: Connector): readonly string[] {
  return [name, ...aliases];
}

/** What tells names apart: nearly all end in "Connector", misspelt or not, which would make them all near each other. */
function stemOf(name: string): string {
  return name.replace(/conn?ec\w*$/i, "");
}
