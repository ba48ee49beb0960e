import { expect, test } from "bun:test";
import type { Connector, Device, Topology } from "../../kv/connector.ts";
import { connectors } from "../../kv/index.ts";

const { ExampleConnector, MooncakeConnector, NixlConnector, NixlPushConnector, P2pNcclConnector } = connectors;
type Worker = Topology["workers"][number];

function worker(name: string, sizes: Partial<Worker> = {}): Worker {
  const role = name.startsWith("prefill") ? "prefill" : "decode";
  return { name, role, tp: 1, dp: 1, pp: 1, flags: {}, ...sizes };
}

function problemsOf(
  connector: Connector,
  workers: readonly Worker[],
  device: Device = "cuda",
  engineVersion = "0.32.0",
) {
  return connector.problems({ engine: "vllm", engineVersion, device, workers });
}

function whats(...args: Parameters<typeof problemsOf>): string[] {
  return problemsOf(...args).filter(({ severity }) => severity === "error").map(({ what }) => what);
}

test("NIXL takes any TP pair where the larger is a multiple of the smaller", () => {
  const pair = (prefillTp: number, decodeTp: number) =>
    whats(NixlConnector, [worker("prefill-0", { tp: prefillTp }), worker("decode-0", { tp: decodeTp })]);
  for (const [prefill, decode] of [[1, 1], [1, 4], [4, 1], [2, 4], [8, 2]] as const) {
    expect(pair(prefill, decode)).toEqual([]);
  }
  expect(pair(2, 3)).toEqual(["NixlConnector cannot pair prefill TP 2 with decode TP 3"]);
  expect(pair(3, 2)).toEqual(["NixlConnector cannot pair prefill TP 3 with decode TP 2"]);
});

test("equal pairs of a large fleet are told once", () => {
  const fleet = [0, 1, 2].flatMap((i) => [worker(`prefill-${i}`, { tp: 2 }), worker(`decode-${i}`, { tp: 3 })]);
  expect(whats(NixlConnector, fleet)).toHaveLength(1);
});

test("P2P NCCL needs the same TP on both sides, and one data parallel rank", () => {
  expect(whats(P2pNcclConnector, [worker("prefill-0", { tp: 2 }), worker("decode-0", { tp: 4 })], "cuda", "0.22.0"))
    .toEqual(["P2pNcclConnector cannot pair prefill TP 2 with decode TP 4"]);
  expect(whats(P2pNcclConnector, [worker("prefill-0", { dp: 2 }), worker("decode-0")], "cuda", "0.22.0"))
    .toEqual(["P2pNcclConnector cannot run prefill-0 with --data-parallel-size 2"]);
});

test("P2P NCCL warns on the versions whose random request ids nothing can stop", () => {
  const warnings = (version: string) =>
    problemsOf(P2pNcclConnector, [], "cuda", version).map(({ severity }) => severity);
  expect([warnings("0.13.0"), warnings("0.14.0"), warnings("0.16.1"), warnings("0.17.0")])
    .toEqual([[], ["warning"], ["warning"], []]);
});

test.each(
  [
    [MooncakeConnector, "cpu"],
    [P2pNcclConnector, "cpu"],
    [P2pNcclConnector, "rocm"],
  ] as const,
)("$name says that it does not run on %s", (connector, device) => {
  expect(whats(connector, [], device)).toEqual([`${connector.name} does not run on ${device}`]);
});

test("no device is wrong for the simulator", () => {
  const topology = { engine: "sim", engineVersion: "0.22.0", device: "cpu", workers: [] } as const;
  expect(MooncakeConnector.problems(topology)).toEqual([]);
  expect(P2pNcclConnector.problems({ ...topology, engineVersion: "0.22.0" }).map(({ severity }) => severity)).toEqual(
    [],
  );
});

test("NIXL lets decode's blocks be a multiple of prefill's on GPUs, and only equal on CPU", () => {
  const sizes = (prefill: string, decode: string, device: Device) =>
    whats(NixlConnector, [
      worker("prefill-0", { flags: { "--block-size": prefill } }),
      worker("decode-0", { flags: { "--block-size": decode } }),
    ], device);
  expect([sizes("16", "64", "cuda"), sizes("16", "16", "cpu")]).toEqual([[], []]);
  expect(sizes("64", "16", "cuda")).toEqual([
    "NixlConnector cannot pair prefill --block-size 64 with decode --block-size 16",
  ]);
  expect(sizes("16", "64", "cpu")).toHaveLength(1);
});

test("a block size that is given on one side only is not judged", () => {
  const workers = [worker("prefill-0", { flags: { "--block-size": "64" } }), worker("decode-0")];
  expect(whats(NixlConnector, workers)).toEqual([]);
});

test("flags that must agree are told with both values, every flag once", () => {
  const workers = [
    worker("prefill-0", { flags: { "--dtype": "float16", "--revision": "main" } }),
    worker("decode-0", { flags: { "--dtype": "bfloat16" } }),
    worker("decode-1", { flags: { "--dtype": "bfloat16" } }),
  ];
  expect(problemsOf(NixlConnector, workers).map(({ what, fix }) => [what, fix])).toEqual([
    [
      'NixlConnector needs the same --dtype on prefill and decode: "float16" on prefill-0 and "bfloat16" on decode-0',
      "--dtype float16 for both roles",
    ],
    [
      'NixlConnector needs the same --revision on prefill and decode: "main" on prefill-0 and not given on decode-0',
      "--revision main for both roles",
    ],
  ]);
});

test("auto is the same as not given, and other roles do not matter", () => {
  const workers = [
    worker("prefill-0", { flags: { "--dtype": "auto" } }),
    worker("decode-0"),
    { ...worker("regular-0"), role: "regular" as const, flags: { "--dtype": "float16" } },
  ];
  expect(problemsOf(NixlConnector, workers)).toEqual([]);
});

test("NIXL pull has no pipeline parallel workers, push has them on prefill", () => {
  const workers = [worker("prefill-0", { pp: 2 }), worker("decode-0")];
  expect(whats(NixlConnector, workers)).toEqual(["NixlConnector cannot run prefill-0 with --pipeline-parallel-size 2"]);
  expect(whats(NixlPushConnector, workers)).toEqual([]);
  expect(whats(NixlPushConnector, [worker("prefill-0"), worker("decode-0", { pp: 2 })])).toHaveLength(1);
});

test("ExampleConnector refuses TP above 1, whose ranks would write the same file, and warns of two writers", () => {
  expect(whats(ExampleConnector, [worker("prefill-0", { tp: 2 }), worker("decode-0")]))
    .toEqual(["ExampleConnector cannot run prefill-0 with --tensor-parallel-size 2"]);
  const two = problemsOf(ExampleConnector, [worker("prefill-0"), worker("prefill-1"), worker("decode-0")]);
  expect(two.map(({ severity }) => severity)).toEqual(["warning"]);
});

test("Mooncake says that its bootstrap server is open to the network", () => {
  const problems = problemsOf(MooncakeConnector, [worker("prefill-0"), worker("decode-0")]);
  expect(problems.map(({ severity, why }) => [severity, why.includes("0.0.0.0")])).toEqual([["warning", true]]);
});
