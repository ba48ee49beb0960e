// DecodeBenchConnector: decode takes every prompt for loaded and fills its KV with made-up numbers, to be measured alone.
// Source: vLLM distributed/kv_transfer/kv_connector/v1/decode_bench_connector.py (0.32.0).

import type { Connector } from "./connector.ts";
import { ownEngineOnly, ownEngineWiring } from "./own_engine_only.ts";

export const decodeBench: Connector = {
  name: "DecodeBenchConnector",
  aliases: ["decode-bench"],
  summary: "A load test of decode without any prefill: the KV is made up, and so is the text",
  needs: ["nothing to install"],
  failureModes: [{ when: "anybody reads the answers", seen: "200 with nonsense, by design" }],
  evidence: "its start was seen on vLLM 0.32.0 on CPU",
  sources: ["vLLM distributed/kv_transfer/kv_connector/v1/decode_bench_connector.py"],
  engines: { vllm: ">=0.12.0", sim: ">=0.12.0" },
  devices: ["cuda", "cpu", "rocm", "xpu", "tpu"],
  imports: [],
  ...ownEngineOnly(
    "it makes KV up to measure decode alone: no prefill is asked, and every answer is nonsense",
    `--kv-connector auto; to measure decode, run one worker: vllm serve MODEL --kv-transfer-config '${
      JSON.stringify({ kv_connector: "DecodeBenchConnector", kv_role: "kv_both" })
    }'`,
  ),
  wiring: (context) => ownEngineWiring("DecodeBenchConnector", context),
  problems: () => [],
};
