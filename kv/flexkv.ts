// FlexKVConnectorV1: Tencent's FlexKV as a cache in main memory, on disks or remote, shared by the workers.
// Source: vLLM distributed/kv_transfer/kv_connector/v1/flexkv_connector.py (0.32.0); pull request #34328.

import type { Connector } from "./connector.ts";
import { blockSizesEqual, flagsAgree, rules, runsOn } from "./pair_rules.ts";
import { sharedStore, storeWiring } from "./shared_store.ts";

const devices = ["cuda"] as const;

export const flexkv: Connector = {
  name: "FlexKVConnectorV1",
  aliases: ["flexkv"],
  summary: "KV goes through FlexKV's cache, in main memory, on disk or remote, as FlexKV is configured",
  needs: [
    "FlexKV, built from its repository",
    "its own configuration, such that both workers use one cache (FLEXKV_CONFIG_PATH)",
  ],
  failureModes: [
    { when: "FlexKV is missing", seen: "the worker exits: FlexKV is not installed" },
    { when: "each worker has a cache of its own", seen: "200, decode computes every prompt; the canary finds it out" },
    { when: "a hybrid model (sliding window, Mamba)", seen: "the worker exits: --disable-hybrid-kv-cache-manager" },
  ],
  evidence: "only read; FlexKV's own behaviour is not known to pdserve",
  sources: ["vLLM distributed/kv_transfer/kv_connector/v1/flexkv_connector.py", "vLLM pull request 34328"],
  engines: { vllm: ">=0.18.0", sim: ">=0.18.0" },
  whyMissing: "vLLM has it since 0.18 (pull request #34328)",
  devices,
  imports: ["flexkv"],
  ...sharedStore,
  wiring: (context) => storeWiring("FlexKVConnectorV1", context),
  problems: rules(
    "FlexKVConnectorV1",
    runsOn(devices, "FlexKV copies with CUDA"),
    blockSizesEqual("keys are made of blocks, so decode would look for other ones"),
    flagsAgree(["--dtype", "--kv-cache-dtype", "--revision"], "blocks are copied as bytes and nothing checks them"),
  ),
};
