// SimpleCPUOffloadConnector: each engine keeps evicted KV in host memory, or on disk, for itself.
// Source: vLLM distributed/kv_transfer/kv_connector/v1/simple_cpu_offload_connector.py (0.32.0); pull request #37160.

import type { Connector } from "./connector.ts";
import { besideNixl, ownEngineOnly, ownEngineWiring } from "./own_engine_only.ts";
import { rules, runsOn } from "./pair_rules.ts";

const devices = ["cuda", "rocm"] as const;

export const simpleCpuOffload: Connector = {
  name: "SimpleCPUOffloadConnector",
  aliases: ["simple-offload"],
  summary: "Each engine's own overflow of KV into host memory or disk; no handoff by itself",
  needs: ["a GPU", "prefix caching, which is vLLM's default", "host memory: cpu_bytes_to_use, 8 GiB by default"],
  failureModes: [
    {
      when: "a CPU build of vLLM",
      seen: "the worker exits with 1: '_StreamPlaceholder' has no attribute 'priority_range'",
    },
    { when: "--no-enable-prefix-caching", seen: "a warning in the log, and nothing is kept" },
    { when: "kv_offload_backend disk without disk_path", seen: "the worker exits: disk requires disk_path" },
  ],
  evidence: "its refusal of CPU was seen on vLLM 0.32.0, alone and beside NIXL; on GPUs only read",
  sources: [
    "vLLM distributed/kv_transfer/kv_connector/v1/simple_cpu_offload_connector.py",
    "vLLM pull request 37160",
  ],
  engines: { vllm: ">=0.19.0", sim: ">=0.19.0" },
  whyMissing: "vLLM has it since 0.19 (pull request #37160)",
  devices,
  imports: [],
  ...ownEngineOnly(
    "it keeps KV in the memory of the engine that made it, where no other engine looks",
    besideNixl("SimpleCPUOffloadConnector", { cpu_bytes_to_use: 8_589_934_592 }),
  ),
  wiring: (context) => ownEngineWiring("SimpleCPUOffloadConnector", context),
  problems: rules("SimpleCPUOffloadConnector", runsOn(devices, "it copies on a CUDA stream of its own")),
};
