// Which pairs of workers a connector can join, found by trying its own rules on a list of pairs.

import type { Connector, ConnectorProblem, Device, Topology } from "./connector.ts";

export interface TopologyTrial {
  readonly pair: string;
  /** Empty where it works. */
  readonly problems: readonly ConnectorProblem[];
}

type Worker = Topology["workers"][number];
type Changes = Partial<Omit<Worker, "role">>;

type Pair = readonly [string, Changes, Changes];

const pairsOfSizes: readonly Pair[] = [
  ["prefill TP 2, decode TP 1", { tp: 2 }, {}],
  ["prefill TP 1, decode TP 2", {}, { tp: 2 }],
  ["prefill TP 2, decode TP 3", { tp: 2 }, { tp: 3 }],
  ["TP 2 on both", { tp: 2 }, { tp: 2 }],
  ["DP 2 on both", { dp: 2 }, { dp: 2 }],
  ["PP 2 on prefill", { pp: 2 }, {}],
  ["PP 2 on decode", {}, { pp: 2 }],
];

/** In the words of the engine that has the connector. */
function pairsOfFlags(engine: "vllm" | "sglang"): readonly Pair[] {
  const [flag, word] = engine === "vllm" ? ["--block-size", "block"] : ["--page-size", "page"];
  const blocks = (size: string): Changes => ({ flags: { [flag]: size } });
  return [
    [`${word} size 16 on prefill, 32 on decode`, blocks("16"), blocks("32")],
    [`${word} size 32 on prefill, 16 on decode`, blocks("32"), blocks("16")],
    ["different --dtype", { flags: { "--dtype": "float16" } }, { flags: { "--dtype": "bfloat16" } }],
  ];
}

/** `problems` are those of the plainest pair, which the trials then leave out. */
export function topologyTrials(
  connector: Connector,
  where: { readonly engineVersion: string; readonly device: Device },
): { readonly trials: readonly TopologyTrial[]; readonly problems: readonly ConnectorProblem[] } {
  const engine = connector.engines.vllm === undefined && connector.engines.sglang !== undefined ? "sglang" : "vllm";
  const problemsOf = (workers: readonly Worker[]) => connector.problems({ engine, ...where, workers });
  const problems = problemsOf([workerWith("prefill", {}), workerWith("decode", {})]);
  const isNew = ({ what }: ConnectorProblem) => !problems.some((known) => known.what === what);
  const tried = [...pairsOfSizes, ...pairsOfFlags(engine)].map(([pair, prefill, decode]) => ({
    pair,
    problems: problemsOf([workerWith("prefill", prefill), workerWith("decode", decode)]).filter(isNew),
  }));
  const second = { ...workerWith("prefill", {}), name: "prefill-1" };
  const two = problemsOf([workerWith("prefill", {}), second, workerWith("decode", {})]).filter(isNew);
  return { trials: [...tried, { pair: "two prefill workers", problems: two }], problems };
}

function workerWith(role: "prefill" | "decode", changes: Changes): Worker {
  return { role, name: `${role}-0`, tp: 1, dp: 1, pp: 1, flags: {}, ...changes };
}
