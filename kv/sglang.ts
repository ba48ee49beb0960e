// SGLang's own prefill/decode disaggregation, one connector for each of its transfer backends.

import type { Connector, Device } from "./connector.ts";
import { noLegs } from "./handoff.ts";
import { noWiring } from "./kv_transfer_config.ts";
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
  readonly since?: string;
  readonly alsoFails?: Connector["failureModes"];
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
  evidence:
    "ran on SGLang 0.5.23 on CPU: /generate, completions and chat equal one plain worker; TP 2 with 2, 2 with 1, 1 with 2",
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
  since: ">=0.5.20",
});

export const sglangMori = connectorOf({
  backend: "mori",
  name: "SGLangMori",
  summary: "SGLang: both legs at once, KV written by AMD's MoRI-IO over RDMA, or XGMI inside one machine",
  needs: [
    "the Python package amd_mori",
    "an RDMA NIC, or MORI_DISABLE_AUTO_XGMI=0 for XGMI between GPUs of one machine",
    "one free port for each prefill worker",
  ],
  imports: ["mori"],
  devices: ["rocm"],
  evidence: "only read: it needs AMD GPUs",
  since: ">=0.5.14",
  alsoFails: [{
    when: "a transfer takes longer than SGLANG_MORI_TRANSFER_TIMEOUT_MS",
    seen: "the request fails, and prefill with it",
  }],
});

export const sglangAscend = connectorOf({
  backend: "ascend",
  name: "SGLangAscend",
  summary: "SGLang: both legs at once, KV moved between Ascend NPUs by MemFabric",
  needs: [
    "the Python package memfabric_hybrid",
    "Ascend NPUs, which pdserve does not plan for",
    "ASCEND_MF_STORE_URL=tcp://HOST:PORT, the same on both workers",
  ],
  imports: ["memfabric_hybrid"],
  devices: ["npu"],
  evidence: "only read: it needs NPUs, so pdserve refuses it but for the simulator",
  since: ">=0.4.9",
  alsoFails: [{
    when: "memfabric_hybrid does not import",
    seen: "the start ends with ImportError behind a warning that names the package",
  }],
});

const { twinLegs: _twin, splitsBatches: _split, ...fake } = connectorOf({
  backend: "fake",
  name: "SGLangFake",
  summary: "SGLang: decode invents the prompt's KV, to measure decode without any prefill worker",
  needs: ["nothing; only decode workers take it"],
  imports: [],
  devices: ["cuda", "cpu", "rocm", "xpu"],
  evidence: "read in SGLang 0.5.23, whose prefill side asserts that it is not this one",
  since: ">=0.5.14",
});

/** For measuring decode by itself: its KV is what happens to be in memory. */
export const sglangFake: Connector = {
  ...fake,
  ...noLegs({
    why: "nothing moves, and the text is nonsense",
    fix: "--kv-connector nixl; for a decode benchmark: sglang serve … --disaggregation-mode decode " +
      "--disaggregation-transfer-backend fake, without pdserve",
  }),
  ports: () => [],
  wiring: (context) => context.role === "decode" ? sglangWiring("fake", context) : noWiring,
  failureModes: [
    { when: "a prefill worker is given it", seen: "AssertionError at its start" },
    { when: "a decode worker answers from it", seen: "200 with nonsense: no counter tells, nothing fails" },
    { when: "with --disaggregation-decode-enable-radix-cache", seen: "ValueError at its start" },
  ],
};

function connectorOf({ backend, name, devices, since = ">=0.4.6", alsoFails = [], ...notes }: Backend): Connector {
  return {
    name,
    // `--kv-connector nixl --engine sglang` means this one; see choose_connector.ts.
    aliases: [`sglang-${backend}`],
    ...notes,
    sglangBackend: backend,
    failureModes: [...failureModes, ...alsoFails],
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
