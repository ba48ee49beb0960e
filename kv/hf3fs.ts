// HF3FSKVConnector: KV in DeepSeek's 3FS file system, found through a metadata server.
// Source: vLLM distributed/kv_transfer/kv_connector/v1/hf3fs (0.32.0); pull request #37636.

import type { Connector, ExternalServer, ExtraConfig } from "./connector.ts";
import { blockSizesEqual, flagsAgree, rules, runsOn, tpEqual } from "./pair_rules.ts";
import { addressOf, sharedStore, storeWiring } from "./shared_store.ts";

const devices = ["cuda"] as const;

export const hf3fs: Connector = {
  name: "HF3FSKVConnector",
  aliases: ["hf3fs", "3fs"],
  summary: "KV goes through files in a 3FS file system; mount and metadata server are the user's",
  needs: [
    "a mounted 3FS: hf3fs_storage_path, /vllm-workspace/mnt/hf3fs by default",
    "the Python package hf3fs_fuse",
    "a running metadata server: hf3fs_metadata_server_url, http://localhost:18000 by default",
  ],
  failureModes: [
    {
      when: "hf3fs_fuse does not import",
      seen: "vLLM takes a stand-in client over plain files without a word; pdserve refuses to start",
    },
    { when: "the metadata server is not there", seen: "the worker's start fails (only read)" },
    { when: "a miss or a failed read", seen: "200, decode computes the prompt itself (only read)" },
    { when: "a hybrid model (sliding window, Mamba)", seen: "the worker exits: --disable-hybrid-kv-cache-manager" },
  ],
  evidence: "only read",
  sources: ["vLLM distributed/kv_transfer/kv_connector/v1/hf3fs", "vLLM pull request 37636"],
  engines: { vllm: ">=0.22.0", sim: ">=0.22.0" },
  whyMissing: "it was merged in spring 2026 (pull request #37636)",
  devices,
  imports: ["hf3fs_fuse"],
  ...sharedStore,
  servers: [serverFor({})],
  wiring: (context) => storeWiring("HF3FSKVConnector", context),
  problems: rules(
    "HF3FSKVConnector",
    runsOn(devices, "its copy kernels are CUDA's"),
    tpEqual,
    blockSizesEqual("pages are files of one block size"),
    flagsAgree(["--dtype", "--kv-cache-dtype", "--revision"], "pages are copied as bytes and nothing checks them"),
  ),
  configured: (extraConfig) => ({ ...hf3fs, servers: [serverFor(extraConfig)] }),
};

function serverFor(extraConfig: ExtraConfig): ExternalServer {
  const address = addressOf(extraConfig.hf3fs_metadata_server_url, { host: "127.0.0.1", port: 18_000 });
  const module = "vllm.distributed.kv_transfer.kv_connector.v1.hf3fs.hf3fs_metadata_server";
  const command = `python -m ${module} --host ${address.host} --port ${address.port}`;
  return { name: "3FS metadata server", ...address, command };
}
