// MooncakeStoreConnector: prefill puts KV into Mooncake's store, decode looks it up there by block hash.
// Source: vLLM distributed/kv_transfer/kv_connector/v1/mooncake/store (0.32.0); pull request #40900.

import type { Connector } from "./connector.ts";
import { kvRoleOf } from "./kv_transfer_config.ts";
import { blockSizesEqual, flagsAgree, rules, runsOn } from "./pair_rules.ts";
import { sharedStore, storeWiring } from "./shared_store.ts";

const devices = ["cuda"] as const;

export const mooncakeStore: Connector = {
  name: "MooncakeStoreConnector",
  aliases: ["mooncake-store"],
  summary: "KV goes through a Mooncake store, whose master pdserve does not start; a miss is computed again",
  needs: [
    "the Python package mooncake-transfer-engine",
    "a running mooncake_master",
    "MOONCAKE_CONFIG_PATH, naming a JSON file with master_server_address, metadata_server, protocol and sizes",
  ],
  failureModes: [
    { when: "the package is missing", seen: "the worker exits with 1: No module named 'mooncake'" },
    { when: "MOONCAKE_CONFIG_PATH is not set", seen: "the worker exits: it is not set" },
    { when: "a miss, or another cache_prefix on one side", seen: "200, decode computes the prompt itself" },
    { when: "hash seeds differ between the workers", seen: "every lookup misses; pdserve gives both the same" },
  ],
  evidence: "only read; without the package its start was seen to fail as told here",
  sources: [
    "vLLM distributed/kv_transfer/kv_connector/v1/mooncake/store",
    "vLLM docs features/mooncake_store_connector_usage",
    "vLLM pull request 40900",
  ],
  engines: { vllm: ">=0.22.0", sim: ">=0.22.0" },
  whyMissing: "it was merged in May 2026 (pull request #40900)",
  devices,
  imports: ["mooncake"],
  ...sharedStore,
  servers: [{
    name: "mooncake_master",
    host: "127.0.0.1",
    port: 50_051,
    command: "mooncake_master --port 50051",
  }],
  wiring: (context) => storeWiring("MooncakeStoreConnector", context, {}, { kv_role: kvRoleOf(context.role) }),
  problems: rules(
    "MooncakeStoreConnector",
    runsOn(devices, "Mooncake registers CUDA memory"),
    blockSizesEqual("keys are hashes of blocks, so decode would look for other ones"),
    flagsAgree(["--dtype", "--kv-cache-dtype", "--revision"], "blocks are copied as bytes and nothing checks them"),
  ),
};
