// OffloadingConnector: each engine keeps evicted KV in host memory. With a secondary tier of type p2p, prefill's host
// memory is also read by decode, and then it is a handoff: CPU to CPU over NIXL, matched by `kv_request_id`.
// Source: vLLM distributed/kv_transfer/kv_connector/v1/offloading_connector.py, v1/kv_offload/tiering (0.32.0).

import type { Connector, ExtraConfig } from "./connector.ts";
import { offloadingP2p, p2pTierOf } from "./offloading_p2p.ts";
import { besideNixl, ownEngineOnly, ownEngineWiring } from "./own_engine_only.ts";
import { error, type Rule, rules, runsOn } from "./pair_rules.ts";

const name = "OffloadingConnector";
const devices = ["cuda", "rocm", "xpu"] as const;

export const offloading: Connector = {
  name,
  aliases: ["offloading"],
  summary: "Each engine's own overflow of KV into host memory; a handoff only with a secondary tier of type p2p",
  needs: [
    "a GPU",
    "host memory: cpu_bytes_to_use in bytes, for each worker",
    'for prefill/decode serving: "secondary_tiers":[{"type":"p2p"}], and the Python package nixl',
  ],
  failureModes: [
    {
      when: "a CPU build of vLLM",
      seen: "the worker exits with 1: CPU Offloading is currently only supported on CUDA-alike and XPU GPUs",
    },
    { when: "cpu_bytes_to_use is missing", seen: "the worker exits with 1 and says so; pdserve says it before" },
    { when: "it runs without the p2p tier", seen: "nothing is handed over: pdserve refuses it for prefill and decode" },
    {
      when: "p2p: decode asks later than 60 s after prefill, or prefill has gone",
      seen: "200 after up to 30 s: decode computes the prompt itself (only read)",
    },
  ],
  evidence: "its refusals on CPU were seen on vLLM 0.32.0; the p2p tier is only read",
  sources: [
    "vLLM distributed/kv_transfer/kv_connector/v1/offloading_connector.py",
    "vLLM v1/kv_offload/tiering/p2p/manager.py",
    "vLLM docs features/kv_offloading_usage",
  ],
  engines: { vllm: ">=0.11.0", sim: ">=0.11.0" },
  devices,
  imports: [],
  ...ownEngineOnly(
    "it keeps KV in the memory of the engine that made it, where no other engine looks",
    besideNixl(name, { cpu_bytes_to_use: 8_589_934_592 }),
  ),
  wiring: (context) => ownEngineWiring(name, context),
  problems: problemsWith({}),
  configured(extraConfig) {
    const own = { ...offloading, problems: problemsWith(extraConfig) };
    const tier = p2pTierOf(extraConfig);
    return tier === null ? own : offloadingP2p(own, tier);
  },
};

function problemsWith(extraConfig: ExtraConfig): Connector["problems"] {
  return rules(name, runsOn(devices, "its copies need a GPU"), hasSize(extraConfig));
}

/** In bytes, for the whole worker. */
function hasSize({ cpu_bytes_to_use: bytes }: ExtraConfig): Rule {
  return () =>
    Number(bytes) > 0 ? [] : [error(
      `${name} is not told how much host memory to use`,
      "vLLM ends at start without cpu_bytes_to_use",
      `--kv-extra-config '{"cpu_bytes_to_use":8589934592}'`,
    )];
}
