// NixlConnector, pull mode: decode reads prefill's blocks when prefill has finished.
// Source: vLLM distributed/kv_transfer/kv_connector/v1/nixl; seen on a real 0.32.0 (CPU, TCP).

import type { Connector } from "./connector.ts";
import { paramsEcho } from "./handoff.ts";
import { askPrefill, nixlPairRules, nixlPorts, nixlWiring } from "./nixl_wiring.ts";
import { rules, runsOn, sizeIsOne } from "./pair_rules.ts";

const devices = ["cuda", "cpu", "rocm", "xpu", "tpu"] as const;

export const nixl: Connector = {
  name: "NixlConnector",
  aliases: ["nixl", "NixlPullConnector"],
  summary: "Decode reads prefill's KV over NVLink, RDMA or TCP (NIXL, UCX); works on CPU",
  // Replies before 0.14 do not name prefill's request, and params without it must never reach a newer decode.
  engines: { vllm: ">=0.14.0", sim: ">=0.14.0" },
  devices,
  imports: ["nixl"],
  leaseMs: 30_000,
  leaseKey: "kv_lease_duration",
  proof: { covers: "prompt", bytes: { metric: "vllm:nixl_bytes_transferred_sum", on: "decode" } },
  discovery: null,
  servesPlainRequests: true,
  ports: nixlPorts,
  wiring: (context) => nixlWiring("NixlConnector", context),
  problems: rules(
    "NixlConnector",
    runsOn(devices, "NIXL has no buffers for it"),
    ...nixlPairRules,
    sizeIsOne("pp", ["prefill", "decode"], "NIXL's pull mode does not know pipeline parallel workers"),
  ),
  ...paramsEcho({
    ask: askPrefill,
    required: {
      // Without it decode takes the request for a plain one and computes the prompt again, silently.
      do_remote_prefill: "true",
      remote_engine_id: "text",
      remote_request_id: "text",
      remote_block_ids: "blocks",
      remote_host: "text",
      remote_port: "count",
      // Taken for 1 when absent: wrong shards with a larger prefill TP, and no heartbeats.
      tp_size: "count",
    },
  }),
};
