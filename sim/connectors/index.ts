// The connectors the simulator plays, by vLLM's names.

import type { Connector, EngineHost } from "./connector.ts";
import { makeDecodeBench } from "./decode_bench.ts";
import { makeExample } from "./example.ts";
import { makeMooncake } from "./mooncake.ts";
import { makeLmcachePd } from "./lmcache_pd.ts";
import { makeMoriio } from "./moriio.ts";
import { makeMulti } from "./multi.ts";
import { makeNixlPull } from "./nixl_pull.ts";
import { makeNixlPush } from "./nixl_push.ts";
import { makeOffloading } from "./offloading.ts";
import { makeOwnTier } from "./own_tier.ts";
import { makeP2pNccl } from "./p2p_nccl.ts";
import { makeSharedStore } from "./shared_store.ts";

const makers: Readonly<Record<string, (host: EngineHost) => Connector>> = {
  NixlConnector: makeNixlPull,
  NixlPullConnector: makeNixlPull,
  NixlPushConnector: makeNixlPush,
  P2pNcclConnector: makeP2pNccl,
  MooncakeConnector: makeMooncake,
  ExampleConnector: makeExample,
  SharedStorageConnector: makeExample,
  MoRIIOConnector: makeMoriio,
  LMCacheConnectorV1: (host) =>
    String(host.connector.extra["lmcache.enable_pd"]) === "true" ? makeLmcachePd(host) : makeSharedStore(host),
  LMCacheMPConnector: makeSharedStore,
  MooncakeStoreConnector: makeSharedStore,
  FlexKVConnectorV1: makeSharedStore,
  HF3FSKVConnector: makeSharedStore,
  OffloadingConnector: makeOffloading,
  SimpleCPUOffloadConnector: makeOwnTier,
  HiSparseConnector: makeOwnTier,
  ExampleHiddenStatesConnector: makeOwnTier,
  DecodeBenchConnector: makeDecodeBench,
  MultiConnector: (host) => makeMulti(host, makeConnector),
};

/** Names were checked against the version when the settings were read; children of MultiConnector were not. */
export function makeConnector(host: EngineHost): Connector {
  const make = makers[host.connector.name];
  if (!make) throw new Error(`Unsupported connector type: ${host.connector.name}`);
  return make(host);
}
