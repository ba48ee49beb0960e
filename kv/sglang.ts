// SGLang's own prefill/decode disaggregation, one connector for each of its transfer backends.

import type { Connector, Device } from "./connector.ts";
import { rules, runsOn } from "./pair_rules.ts";
import { bootstrapLegs, type SglangBackend, sglangPairRules, sglangPorts, sglangWiring } from "./sglang_wiring.ts";

interface Backend {
  readonly backend: SglangBackend;
  readonly name: string;
  readonly summary: string;
  readonly needs: readonly string[];
  readonly imports: readonly string[];
  readonly devices: readonly Device[];
  readonly evidence: string;
}

const failureModes: Connector["failureModes"] = [
  { when: "n above 1", seen: "decode waits until the client leaves, no limit fires; pdserve refuses it" },
  { when: "room 0", seen: "decode waits for ever while prefill answers 200; pdserve begins at 1" },
  {
    when: "one leg without the other: its worker failed, or the rooms differ",
    seen:
      "500 after 300 s, or inside a stream after its 200; pdserve leaves the other leg at once, and its engine ends it within 4 s",
  },
  {
    when: "a bootstrap port where nobody listens",
    seen: "decode answers 500 after 14 s, fifteen tries",
  },
  { when: "prefill dies", seen: "its open rooms fail within 12 s; decode's /health stays 200" },
  { when: "no bootstrap members", seen: "400 from either worker; pdserve always sends them" },
  { when: "an empty prompt, or a token id the vocabulary lacks", seen: "the whole server ends (seen on CPU)" },
];

export const sglangNixl = connectorOf({
  backend: "nixl",
  name: "SGLangNixl",
  summary: "SGLang: both legs at once, KV written into decode's memory over NIXL",
  needs: ["the Python package nixl", "one free port for each prefill worker"],
  imports: ["nixl"],
  devices: ["cuda", "cpu", "rocm", "xpu"],
  evidence: "ran on SGLang 0.5.23 on CPU: /generate, completions and chat equal one plain worker",
});

export const sglangMooncake = connectorOf({
  backend: "mooncake",
  name: "SGLangMooncake",
  summary: "SGLang: both legs at once, KV pushed with Mooncake over RDMA or NVLink",
  needs: ["the Python package mooncake-transfer-engine", "an RDMA NIC", "one free port for each prefill worker"],
  imports: ["mooncake"],
  devices: ["cuda"],
  evidence: "only read: it needs RDMA",
});

export const sglangMooncakeTcp = connectorOf({
  backend: "mooncake_tcp",
  name: "SGLangMooncakeTcp",
  summary: "SGLang: both legs at once, KV pushed with Mooncake over TCP",
  needs: ["the Python package mooncake-transfer-engine", "libibverbs1", "one free port for each prefill worker"],
  imports: ["mooncake"],
  devices: ["cuda", "cpu"],
  evidence: "read from transcripts of SGLang 0.5.23 on CPU, where prefill needed a patch",
});

function connectorOf({ backend, name, devices, ...notes }: Backend): Connector {
  const since = backend === "mooncake_tcp" ? ">=0.5.20" : ">=0.4.6";
  return {
    name,
    // `--kv-connector nixl --engine sglang` means this one; see choose_connector.ts.
    aliases: [`sglang-${backend}`],
    ...notes,
    failureModes,
    sources: ["SGLang srt/disaggregation", "SGLang docs advanced_features/pd_disaggregation"],
    engines: { sglang: since, "sim-sglang": since },
    whyMissing: "it is a transfer backend of SGLang's own disaggregation",
    devices,
    leaseMs: null,
    apis: ["completions", "chat", "generate"],
    proof: {
      covers: "prompt",
      bytes: { metric: "sglang:kv_transfer_total_mb_sum", on: "prefill", unitBytes: 2 ** 20, needed: true },
    },
    discovery: null,
    // A decode worker answers 400 to a request without a room.
    servesPlainRequests: false,
    ports: sglangPorts,
    wiring: (context) => sglangWiring(backend, context),
    problems: rules(name, runsOn(devices, "SGLang has no such transfer for it"), ...sglangPairRules),
    ...bootstrapLegs,
  };
}
