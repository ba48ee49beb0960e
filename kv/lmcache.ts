// LMCacheConnectorV1: LMCache inside each vLLM process. Two workers share KV through a store that both reach (LMCache's
// own server, Redis, a common disk), or, in its PD mode, prefill pushes it to decode (lmcache_pd.ts).
// Source: vLLM distributed/kv_transfer/kv_connector/v1/lmcache_integration/vllm_v1_adapter.py (0.32.0); LMCache 0.5.6.

import type { Connector, ConnectorProblem, ExtraConfig, Wiring, WiringContext } from "./connector.ts";
import { takesPart } from "./kv_transfer_config.ts";
import { isPdMode, lmcachePd } from "./lmcache_pd.ts";
import { flagsAgree, type Rule, rules, runsOn, warning } from "./pair_rules.ts";
import { sharedStore, storeWiring } from "./shared_store.ts";

const devices = ["cuda"] as const;
const whyDevice = "LMCache has no CPU connector: vLLM starts, every request takes 3 s longer and no KV is shared";

export const lmcache: Connector = {
  name: "LMCacheConnectorV1",
  aliases: ["lmcache"],
  summary: "KV goes through a store that LMCache in both workers reaches, such as Redis or LMCache's own server",
  needs: [
    "the Python package lmcache (0.3.9 or later), in the build for this CUDA",
    'a store for both workers: --kv-extra-config \'{"lmcache.remote_url":"redis://127.0.0.1:6379"}\', or LMCACHE_CONFIG_FILE',
    "or its PD mode, where prefill sends to decode over NIXL: --kv-extra-config '{\"lmcache.enable_pd\":true}'",
    "prompts of at least one chunk (256 tokens unless lmcache.chunk_size says otherwise)",
  ],
  failureModes: [
    { when: "no common store", seen: "200, but decode computes every prompt itself; the canary finds it out" },
    {
      when: "a CPU build of vLLM",
      seen: "/health is 200, each request takes 3 s longer, nothing is shared; the log says No supported cpu connector",
    },
    { when: "kv_producer without PD mode", seen: "AssertionError in the engine; pdserve wires kv_both" },
    {
      when: "PD mode: decode starts at prefill's answer",
      seen: "200, but the KV comes too late and decode computes the prompt; pdserve waits for LMCache's own word",
    },
    { when: "a miss", seen: "200, decode computes the prompt; slower, right text" },
    { when: "the package is missing", seen: "the worker exits with 1: No module named 'lmcache'" },
  ],
  evidence: "on CPU it was seen up but useless (vLLM 0.32.0, lmcache 0.5.6); on CUDA only read",
  sources: [
    "vLLM distributed/kv_transfer/kv_connector/v1/lmcache_connector.py",
    "vLLM examples/disaggregated/lmcache",
    "LMCache docs, configurations",
  ],
  engines: { vllm: ">=0.9.0", sim: ">=0.9.0" },
  devices,
  imports: ["lmcache"],
  ...sharedStore,
  wiring,
  problems: problemsWith({}),
  configured(extraConfig) {
    const store = { ...lmcache, problems: problemsWith(extraConfig) };
    return isPdMode(extraConfig) ? lmcachePd(store) : store;
  },
};

/** The same rpc id on two workers would connect one's scheduler to the other's cache. */
function wiring(context: WiringContext): Wiring {
  const wired = storeWiring("LMCacheConnectorV1", context, { lmcache_rpc_port: context.engineId });
  // vLLM's guide names chunked prefill as not supported with LMCache.
  return takesPart(context.role) ? { ...wired, args: ["--no-enable-chunked-prefill"] } : wired;
}

function problemsWith(extraConfig: ExtraConfig): Connector["problems"] {
  return rules(
    "LMCacheConnectorV1",
    runsOn(devices, whyDevice),
    flagsAgree(["--dtype", "--kv-cache-dtype", "--revision"], "the store's keys do not tell them apart"),
    hasStore(extraConfig),
  );
}

/** A store can also be said in the file or the variables that LMCache reads for itself, so this is a warning. */
function hasStore(extraConfig: ExtraConfig): Rule {
  const said = isPdMode(extraConfig) ||
    ["lmcache.remote_url", "lmcache.remote_storage_plugins", "lmcache.local_disk"].some((key) => key in extraConfig);
  return (_, name): ConnectorProblem[] =>
    said ? [] : [warning(
      `${name} is not told which store both workers share`,
      "each worker keeps its KV to itself unless LMCACHE_REMOTE_URL or LMCACHE_CONFIG_FILE names one",
      '--kv-extra-config \'{"lmcache.remote_url":"redis://127.0.0.1:6379"}\'',
    )];
}
