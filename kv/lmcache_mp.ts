// LMCacheMPConnector: both workers keep their KV in one `lmcache server` on this machine.
// Source: vLLM distributed/kv_transfer/kv_connector/v1/lmcache_mp_connector.py; ran on a real 0.32.0 with lmcache 0.5.6.

import type { Connector, ExternalServer, ExtraConfig, WiringContext } from "./connector.ts";
import { flagsAgree, rules, runsOn } from "./pair_rules.ts";
import { addressOf, sharedStore, storeWiring } from "./shared_store.ts";

const devices = ["cuda", "cpu"] as const;

export const lmcacheMp: Connector = {
  name: "LMCacheMPConnector",
  aliases: ["lmcache-mp"],
  summary: "KV goes through one lmcache server on this machine, which pdserve does not start; works on CPU",
  needs: [
    "the Python package lmcache",
    "lmcache server, started before the workers, on this machine, with --supported-transfer-mode auto",
    "prompts of at least one chunk: --chunk-size of the server, 256 tokens by default",
  ],
  failureModes: [
    {
      when: "the server runs without --supported-transfer-mode auto (CPU)",
      seen: "both workers hang at start; its log says No handler registered for operation register_kv_cache_…",
    },
    { when: "a prompt shorter than a chunk", seen: "200, decode computes it: nothing is shared" },
    { when: "the server dies", seen: "requests wait for its time limits, then decode computes the prompt (only read)" },
    { when: "the package is missing", seen: "the worker exits with 1: No module named 'lmcache'" },
  ],
  evidence: "ran on vLLM 0.32.0 on CPU with --chunk-size 32: 96 of 123 tokens moved, right text 3 of 3; CUDA only read",
  sources: [
    "vLLM distributed/kv_transfer/kv_connector/v1/lmcache_mp_connector.py",
    "vLLM examples/disaggregated/lmcache",
    "LMCache docs, multiprocess mode",
  ],
  engines: { vllm: ">=0.12.0", sim: ">=0.12.0" },
  devices,
  imports: ["lmcache"],
  ...sharedStore,
  servers: [serverFor({})],
  wiring,
  problems: rules(
    "LMCacheMPConnector",
    runsOn(devices, "LMCache's server shares memory with CUDA and CPU engines"),
    flagsAgree(["--dtype", "--kv-cache-dtype", "--revision"], "the server hands out what it was given"),
  ),
  configured: (extraConfig) => ({ ...lmcacheMp, servers: [serverFor(extraConfig)] }),
};

function wiring(context: WiringContext) {
  const { host, port } = serverFor(context.extraConfig);
  // vLLM's own default is `tcp://localhost`, which may resolve to ::1, where the server does not listen.
  return storeWiring("LMCacheMPConnector", context, { "lmcache.mp.host": `tcp://${host}`, "lmcache.mp.port": port });
}

function serverFor(extraConfig: ExtraConfig): ExternalServer {
  const { host } = addressOf(extraConfig["lmcache.mp.host"], { host: "127.0.0.1", port: 0 });
  const said = Number(extraConfig["lmcache.mp.port"]);
  const port = said > 0 ? said : 5555;
  const command = `lmcache server --host ${host} --port ${port} --l1-size-gb 8 --eviction-policy LRU ` +
    "--supported-transfer-mode auto --chunk-size 256";
  return { name: "lmcache server", host, port, command };
}
