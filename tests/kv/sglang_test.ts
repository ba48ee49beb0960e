// The bootstrap handoff of SGLang's backends: launch, rules, legs, and who is chosen.

import { describe, expect, test } from "bun:test";
import { chooseConnector } from "../../kv/choose_connector.ts";
import type { LegContext, Topology, WiringContext, WorkerFacts } from "../../kv/connector.ts";
import { sglangConnectors } from "../../kv/index.ts";

const { SGLangNixl, SGLangMooncake, SGLangMooncakeTcp, SGLangMori, SGLangAscend, SGLangFake } = sglangConnectors;

const context: WiringContext = {
  ...{ role: "prefill", tp: 1, dp: 1, pp: 1, device: "cpu", engineVersion: "0.5.23", host: "127.0.0.1" },
  ...{ httpPort: 8100, ports: { bootstrap: 8998 }, engineId: "prefill-0-1", sharedDir: "/run/kv" },
  ...{ loadFailurePolicy: "fail", extraConfig: {} },
};

describe.each([
  ["nixl", SGLangNixl],
  ["mooncake", SGLangMooncake],
  ["mooncake_tcp", SGLangMooncakeTcp],
  ["mori", SGLangMori],
  ["ascend", SGLangAscend],
])(
  "%s",
  (backend, connector) => {
    test("gives prefill a bootstrap port, decode none, and neither a config of vLLM's", () => {
      expect(connector.ports({ role: "prefill", tp: 2, dp: 2, pp: 1 })).toMatchObject([{
        purpose: "bootstrap",
        count: 1,
      }]);
      expect(connector.ports({ role: "decode", tp: 2, dp: 2, pp: 1 })).toEqual([]);
      const [prefill, decode] = [
        connector.wiring(context),
        connector.wiring({ ...context, role: "decode", ports: {} }),
      ];
      const common = ["--disaggregation-transfer-backend", backend];
      expect(prefill.args).toEqual([
        ...["--disaggregation-mode", "prefill", ...common],
        ...["--disaggregation-bootstrap-port", "8998"],
      ]);
      expect(decode.args).toEqual(["--disaggregation-mode", "decode", ...common]);
      expect([prefill.kvTransferConfig, decode.kvTransferConfig]).toEqual([{}, {}]);
      expect(connector.wiring({ ...context, role: "regular" }).args).toEqual([]);
    });

    test("tells what it is, needs and does wrong", () => {
      for (const text of [connector.summary, connector.evidence, ...connector.needs]) {
        expect(text).not.toMatch(/\.$|\n/);
      }
      expect(connector.failureModes.length).toBeGreaterThan(3);
      expect(connector.engines.vllm).toBeUndefined();
    });
  },
);

const worker = (name: string, role: "prefill" | "decode", ports: Record<string, number>): WorkerFacts => ({
  ...{ name, role, host: "::1", httpPort: 8100, ports, tp: 1, dp: 1, pp: 1, engineId: null, engineIdByRank: {} },
});
const leg: LegContext = {
  ...{ attemptId: "a-1", nonce: "0".repeat(32), room: 77, api: "generate" },
  ...{ prefill: worker("prefill-0", "prefill", { bootstrap: 8998 }), decode: worker("decode-0", "decode", {}) },
};

test("both legs say prefill's host without brackets, its bootstrap port and the room; prefill does not stream", () => {
  const place = { bootstrap_host: "::1", bootstrap_port: 8998, bootstrap_room: 77 };
  expect(SGLangNixl.decodeLeg(leg, null)).toEqual({ is: "send", edit: { set: place, drop: [], headers: {} } });
  expect(SGLangNixl.prefillLeg(leg)).toEqual({
    ...{ set: { ...place, stream: false }, drop: ["stream_options"], headers: {} },
  });
});

test("without a room, a bootstrap port or a second worker there is no handoff", () => {
  const { room: _, ...roomless } = leg;
  for (
    const wrong of [
      roomless,
      { ...leg, prefill: worker("prefill-0", "prefill", {}) },
      { ...leg, decode: leg.prefill },
    ]
  ) expect(SGLangNixl.decodeLeg(wrong, null)).toMatchObject({ is: "no-handoff" });
});

const topology = (prefill: object, decode: object, device: Topology["device"] = "cuda"): Topology => ({
  ...{ engine: "sglang", engineVersion: "0.5.23", device },
  workers: [
    { ...{ name: "prefill-0", role: "prefill", tp: 1, dp: 1, pp: 1, flags: {} }, ...prefill },
    { ...{ name: "decode-0", role: "decode", tp: 1, dp: 1, pp: 1, flags: {} }, ...decode },
  ],
});

test.each([
  ["unlike TP that divides", { tp: 4 }, { tp: 2 }, 0],
  ["TP 2 beside TP 3", { tp: 2 }, { tp: 3 }, 1],
  ["DP without DP attention", { dp: 2 }, { dp: 2 }, 1],
  ["PP on prefill", { pp: 2 }, {}, 0],
  ["PP on decode", {}, { pp: 2 }, 1],
  ["unlike page sizes", { flags: { "--page-size": "16" } }, { flags: { "--page-size": "64" } }, 1],
  ["unlike KV types", { flags: { "--kv-cache-dtype": "fp8_e5m2" } }, {}, 1],
])("pairs %s", (_, prefill, decode, problems) => {
  expect(SGLangNixl.problems(topology(prefill, decode))).toHaveLength(problems);
});

const wish = { asked: "auto", engine: "sglang", engineVersion: "0.5.23", device: "cuda", imports: {} } as const;
const chosen = (change: object) => {
  const choice = chooseConnector({ ...wish, ...change });
  return "connector" in choice ? choice.connector.name : choice.map(({ what }) => what);
};

test("auto takes NIXL, or Mooncake where nixl does not import", () => {
  expect(chosen({})).toBe("SGLangNixl");
  expect(chosen({ imports: { nixl: null } })).toBe("SGLangMooncake");
  expect(chosen({ imports: { nixl: null }, device: "cpu" })).toBe("SGLangMooncakeTcp");
  expect(chosen({ engine: "sim-sglang" })).toBe("SGLangNixl");
});

test("a transfer's name means SGLang's own with SGLang, and vLLM's with vLLM", () => {
  for (
    const [asked, name] of [["nixl", "SGLangNixl"], ["mooncake", "SGLangMooncake"], ["NixlConnector", "SGLangNixl"]]
  ) {
    expect(chosen({ asked })).toBe(name!);
  }
  expect(chosen({ asked: "nixl", engine: "vllm", engineVersion: "0.32.0" })).toBe("NixlConnector");
  expect(chosen({ asked: "P2pNcclConnector" })).toEqual(["P2pNcclConnector does not exist in SGLang 0.5.23"]);
});

test("mori is AMD's and ascend an NPU's, and both say so elsewhere", () => {
  expect(chosen({ asked: "mori", device: "rocm" })).toBe("SGLangMori");
  expect(chosen({ asked: "mori" })).toEqual(["SGLangMori does not run on cuda"]);
  expect(chosen({ asked: "ascend" })).toEqual(["SGLangAscend does not run on cuda"]);
});

test("fake moves nothing: it is refused, with what it is for", () => {
  expect(chosen({ asked: "fake", engine: "sim-sglang" })).toEqual(["SGLangFake hands no KV from prefill to decode"]);
  expect(SGLangFake.wiring({ ...context, role: "decode", ports: {} }).args).toEqual([
    ...["--disaggregation-mode", "decode", "--disaggregation-transfer-backend", "fake"],
  ]);
  expect(SGLangFake.wiring(context).args).toEqual([]);
});
