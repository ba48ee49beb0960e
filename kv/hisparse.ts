// HiSparseConnector: keeps the KV of sparse attention in host memory and loads the pages a step needs.
// Source: vLLM distributed/kv_transfer/kv_connector/v1/hisparse (0.32.0), where vLLM adds it by itself.

import type { Connector } from "./connector.ts";
import { ownEngineOnly, ownEngineWiring } from "./own_engine_only.ts";
import { rules, runsOn } from "./pair_rules.ts";

const devices = ["cuda"] as const;

export const hisparse: Connector = {
  name: "HiSparseConnector",
  aliases: ["hisparse"],
  summary: "Host memory for the KV of sparse attention inside one engine; no handoff",
  needs: ["a model with sparse attention", "a CUDA device"],
  failureModes: [{ when: "it is taken for a handoff", seen: "nothing moves and decode computes every prompt" }],
  evidence: "only read",
  sources: ["vLLM distributed/kv_transfer/kv_connector/v1/hisparse"],
  engines: { vllm: ">=0.32.0", sim: ">=0.32.0" },
  whyMissing: "first seen in vLLM 0.32",
  devices,
  imports: [],
  ...ownEngineOnly("it moves KV between one engine's own GPU and host memory", "--kv-connector auto"),
  wiring: (context) => ownEngineWiring("HiSparseConnector", context),
  problems: rules("HiSparseConnector", runsOn(devices, "its kernels are CUDA's")),
};
