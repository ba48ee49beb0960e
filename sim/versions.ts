// What changed between vLLM releases, as far as the simulator plays it (kv-protocols.md §0.1).

import { isObject } from "./json.ts";
import type { ConnectorSettings } from "./settings/settings.ts";

/** 0.32.0 → 32, 1.2.0 → 1002: vLLM's minor releases in order. */
export function minorOf(version: string): number {
  const [major, minor] = version.split(".").map(Number);
  return (major ?? 0) * 1000 + (minor ?? 0);
}

/** First and last minor release that knows a connector by this name. */
const connectorReleases: Readonly<Record<string, readonly [number, number]>> = {
  NixlConnector: [0, Infinity],
  NixlPullConnector: [26, Infinity],
  NixlPushConnector: [26, Infinity],
  MultiConnector: [0, Infinity],
  OffloadingConnector: [11, Infinity],
  MooncakeConnector: [13, Infinity],
  ExampleConnector: [12, Infinity],
  SharedStorageConnector: [0, 12],
  P2pNcclConnector: [0, 22],
  MoRIIOConnector: [14, Infinity],
  LMCacheConnectorV1: [9, Infinity],
  LMCacheMPConnector: [12, Infinity],
  MooncakeStoreConnector: [22, Infinity],
  FlexKVConnectorV1: [18, Infinity],
  HF3FSKVConnector: [22, Infinity],
  SimpleCPUOffloadConnector: [19, Infinity],
  DecodeBenchConnector: [12, Infinity],
  ExampleHiddenStatesConnector: [17, Infinity],
  HiSparseConnector: [32, Infinity],
};

/** vLLM's own complaint about a name, the children's included, that this version does not know; null when fine. */
export function connectorProblem(connector: ConnectorSettings, version: string): string | null {
  const minor = minorOf(version);
  const unknown = [connector.name, ...childNames(connector)].find((name) => {
    const releases = connectorReleases[name];
    return !releases || minor < releases[0] || minor > releases[1];
  });
  return unknown === undefined ? null : `Unsupported connector type: ${unknown}`;
}

function childNames(connector: ConnectorSettings): readonly string[] {
  const children = connector.extra["connectors"];
  if (connector.name !== "MultiConnector" || !Array.isArray(children)) return [];
  return children.map((child) => (isObject(child) ? String(child["kv_connector"]) : String(child)));
}

/** Which members of the NIXL handoff object a version writes. */
export function handoffShape(version: string) {
  const minor = minorOf(version);
  return {
    requestId: minor >= 14,
    nestedBlockIds: minor >= 17,
    tokenCount: minor >= 20,
    transferMode: minor >= 28,
    parallelSizes: minor >= 29,
  };
}

/** Before leases (2026-05-11) a producer kept its blocks for 480 s. */
export function defaultLeaseMs(version: string): number {
  return minorOf(version) >= 22 ? 30_000 : 480_000;
}
