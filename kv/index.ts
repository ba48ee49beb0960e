// All connectors pdserve knows. Flag choices, help, docs and the conformance tests read this registry.

import type { Connector, ExtraConfig } from "./connector.ts";
import { decodeBench } from "./decode_bench.ts";
import { example } from "./example.ts";
import { flexkv } from "./flexkv.ts";
import { hf3fs } from "./hf3fs.ts";
import { hiddenStates } from "./hidden_states.ts";
import { hisparse } from "./hisparse.ts";
import { lmcache } from "./lmcache.ts";
import { lmcacheMp } from "./lmcache_mp.ts";
import { mooncake } from "./mooncake.ts";
import { mooncakeStore } from "./mooncake_store.ts";
import { moriio } from "./moriio.ts";
import { multi } from "./multi.ts";
import { nearestName } from "./nearest_name.ts";
import { nixl } from "./nixl.ts";
import { nixlPush } from "./nixl_push.ts";
import { offloading } from "./offloading.ts";
import { p2pNccl } from "./p2p_nccl.ts";
import { sglangAscend, sglangFake, sglangMooncake, sglangMooncakeTcp, sglangMori, sglangNixl } from "./sglang.ts";
import { simpleCpuOffload } from "./simple_cpu_offload.ts";
import { unknownConnector } from "./unknown_connector.ts";

/** In the order of lists: what hands over from worker to worker, what goes through a store, what does neither. */
export const connectors = {
  NixlConnector: nixl,
  NixlPushConnector: nixlPush,
  MooncakeConnector: mooncake,
  MoRIIOConnector: moriio,
  P2pNcclConnector: p2pNccl,
  ExampleConnector: example,
  LMCacheMPConnector: lmcacheMp,
  LMCacheConnectorV1: lmcache,
  MooncakeStoreConnector: mooncakeStore,
  FlexKVConnectorV1: flexkv,
  HF3FSKVConnector: hf3fs,
  MultiConnector: multi,
  OffloadingConnector: offloading,
  SimpleCPUOffloadConnector: simpleCpuOffload,
  DecodeBenchConnector: decodeBench,
  HiSparseConnector: hisparse,
  ExampleHiddenStatesConnector: hiddenStates,
} satisfies Record<string, Connector>;

/** SGLang has no connectors of that kind: these are the backends of its own disaggregation. */
export const sglangConnectors = {
  SGLangNixl: sglangNixl,
  SGLangMooncake: sglangMooncake,
  SGLangMooncakeTcp: sglangMooncakeTcp,
  SGLangMori: sglangMori,
  SGLangAscend: sglangAscend,
  SGLangFake: sglangFake,
} satisfies Record<string, Connector>;

/** Those of an engine, by its name; the simulators' are those of what they play. */
export function connectorsOf(engine: string): readonly Connector[] {
  return Object.values(engine.endsWith("sglang") ? sglangConnectors : connectors);
}

export type FoundConnector =
  | { readonly is: "known"; readonly connector: Connector }
  /** `connector` is a plain two-step one under the very name; `nearest` is the known name that was perhaps meant. */
  | { readonly is: "unknown"; readonly connector: Connector; readonly nearest: string | null };

/** By vLLM's name or an alias, whatever the case, as `kv_connector_extra_config` makes it. */
export function findConnector(nameOrAlias: string, extraConfig: ExtraConfig = {}): FoundConnector {
  const known = connectorNamed(nameOrAlias);
  if (known !== null) {
    if (Object.keys(extraConfig).length === 0) return { is: "known", connector: known };
    const find = (name: string, extra: ExtraConfig) => findConnector(name, extra).connector;
    return { is: "known", connector: known.configured?.(extraConfig, find) ?? known };
  }
  const meant = nearestName(stemOf(nameOrAlias), all.flatMap(namesOf).map(stemOf));
  const nearest = all.find((connector) => namesOf(connector).map(stemOf).includes(meant ?? ""))?.name ?? null;
  return { is: "unknown", connector: unknownConnector(nameOrAlias), nearest };
}

const all: readonly Connector[] = [...Object.values(connectors), ...Object.values(sglangConnectors)];

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
