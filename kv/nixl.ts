// NixlConnector, pull mode: decode reads prefill's blocks when prefill has finished.
// Source: vLLM distributed/kv_transfer/kv_connector/v1/nixl; seen on a real 0.32.0 (CPU, TCP).

import type { Connector, ExtraConfig } from "./connector.ts";
import { paramsEcho } from "./handoff.ts";
import { askPrefill, nixlPairRules, nixlPorts, nixlWiring } from "./nixl_wiring.ts";
import { readsBack } from "./turn_reuse.ts";
import { error, type Rule, rules, runsOn, sizeIsOne } from "./pair_rules.ts";

const devices = ["cuda", "cpu", "rocm", "xpu", "tpu"] as const;

export const nixl: Connector = {
  name: "NixlConnector",
  aliases: ["nixl", "NixlPullConnector"],
  summary: "Decode reads prefill's KV over NVLink, RDMA or TCP (NIXL, UCX); works on CPU",
  needs: ["the Python package nixl", "one free port for each DP rank of every worker"],
  failureModes: [
    {
      when: "the side channel's port is taken, also by an orphaned engine of an earlier run",
      seen: "the worker's start hangs for ever, no exit, no health; pdserve holds the ports and limits every start",
    },
    {
      when: "prefill is gone, or the configurations differ in what NIXL hashes",
      seen: "decode answers 500 after 5 to 11 s; as a stream, status 200 and then an error event",
    },
    {
      when: "decode comes after the lease of 30 s",
      seen: "200 without a word: it may have read blocks that belong to another prompt, and keeps them in its prefix " +
        "cache; pdserve never sends a handle past its lease",
    },
    {
      when: "params that lack a member",
      seen: "the decode server ends with exit code 0, waits for ever, or computes the prompt again",
    },
    {
      when: "two prompts in one body",
      seen: "wrong text with 200 and a poisoned prefix cache, or the decode server ends; pdserve sends it whole",
    },
    { when: "prompt_logprobs", seen: "decode does not fetch and computes all; pdserve sends it whole" },
  ],
  evidence:
    "ran on vLLM 0.32.0 on CPU: all routes, streams, TP 2 to TP 1, DP 2; token for token equal to one plain worker",
  sources: [
    "vLLM distributed/kv_transfer/kv_connector/v1/nixl",
    "vLLM docs features/nixl_connector_usage",
    "vLLM pull requests 41383 (lease) and 50620 (transfer_mode)",
  ],
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
  problems: problemsWith({}),
  turnReuse: readsBack,
  configured: (extraConfig) => ({ ...nixl, problems: problemsWith(extraConfig) }),
  ...paramsEcho({
    prefill: () => askPrefill,
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

function problemsWith(extraConfig: ExtraConfig): Connector["problems"] {
  return rules(
    "NixlConnector",
    runsOn(devices, "NIXL has no buffers for it"),
    ...nixlPairRules,
    sizeIsOne("pp", ["prefill", "decode"], "NIXL's pull mode does not know pipeline parallel workers"),
    readsNothingBack(extraConfig),
  );
}

/** Only by --turn-reuse, with which the router compares tokens: router/DESIGN.md, "When decode's KV is read back". */
function readsNothingBack({ bidirectional_kv_xfer: isOn }: ExtraConfig): Rule {
  return () =>
    isOn !== true ? [] : [error(
      "Cannot let prefill read decode's KV back by bidirectional_kv_xfer alone",
      "the engine does not check that it belongs to the next prompt, and the router would not know that it may use it; it " +
        "would fill decode's cache for decoder_kv_blocks_ttl, and answers of /v1/responses would tell clients where it lies",
      "--turn-reuse 60s instead of bidirectional_kv_xfer in --kv-extra-config",
    )];
}
