// `vllm pdjob --config`: general, prefill and decode parameters, and a scheduler whose command pdserve's router stands in for.

import { isMap, isScalar, type Node, type YAMLMap } from "yaml";
import { nearestName } from "../../../kv/nearest_name.ts";
import { emptyLayer, type Saying } from "../../layer.ts";
import { distinctProblems, type Problem } from "../../problem.ts";
import type { EngineVariable, Origin } from "../../spec.ts";
import type { Asked, Dialect, ReadFile } from "../dialect.ts";
import { layerOfLines } from "../serve_lines/layer_of_lines.ts";
import { type PdjobRole, readPdjobParams } from "./params.ts";
import type { PdjobReading } from "./reading.ts";
import { readScheduler } from "./scheduler.ts";
import { readServeLine } from "../serve_lines/read_serve_line.ts";
import type { ServeLine } from "../serve_lines/serve_line.ts";
import { errorAt, warningAt } from "../tell.ts";
import { readYaml } from "../yaml/yaml_document.ts";

export const pdjob: Dialect = {
  name: "pdjob",
  matches: (path, text) =>
    /\.ya?ml$/i.test(path) && /^scheduler:/m.test(text) && /^general:/m.test(text) && /^prefill:/m.test(text),
  read,
};

const roles = ["prefill", "decode"] as const;
const roleKeys = ["envs", "num_gpus", "replicas", "params"];
const topKeys = ["timeout", "num_gpus", "gpus_per_worker", "working_dir", "envs", "scheduler", "general", ...roles];
const connectors = [
  ...["nixlconnector", "p2pncclconnector", "multiconnector", "sharedstorageconnector", "lmcacheconnectorv1"],
  ...["lmcachempconnector", "offloadingconnector", "decodebenchconnector"],
  // Missing from upstream's list, though its own documents name them.
  ...["mooncakeconnector", "exampleconnector", "moriioconnector", "nixlpushconnector"],
];

function read(text: string, path: string, asked: Asked = {}): ReadFile {
  const { root, lineOf, problems: syntax } = readYaml(text, path);
  if (syntax.length > 0) return { layer: emptyLayer, problems: syntax };
  const start: Origin = { is: "file", path, line: 1 };
  if (!isMap(root)) {
    const said = {
      what: "The file is not a map of settings",
      why: "a job has parts",
      fix: "general: { params: { model: … } }",
    };
    return { layer: emptyLayer, problems: [errorAt(start, said)] };
  }
  const reading: PdjobReading = { root, originAt: (node) => ({ is: "file", path, line: lineOf(node) }), problems: [] };
  const { problems } = reading;
  problems.push(...unknownKeys(root, topKeys, "a pdjob", reading));
  const counts = { prefill: replicasOf("prefill", reading), decode: replicasOf("decode", reading) };
  const lines = roles.flatMap((role) => lineOfRole(role, counts[role], start, reading) ?? []);
  const sayings = [
    ...timeout(reading),
    ...workingDir(reading),
    ...readScheduler(counts, start, reading, asked.scheduler ?? "auto"),
  ];
  checkTotals(lines, reading);
  // What the general part says wrongly is wrong for both roles, and told once.
  if (lines.length < roles.length) return { layer: emptyLayer, problems: distinctProblems(problems) };
  const facts = lines.map(readServeLine);
  // Markers such as `port: '{PORT}'` are there to be replaced.
  const layer = layerOfLines("pdjob", facts.map((one) => ({ ...one, replaced: [] })), problems);
  problems.push(...unknownConnector(layer.sayings));
  return { layer: { ...layer, sayings: [...layer.sayings, ...sayings] }, problems: distinctProblems(problems) };
}

function lineOfRole(role: PdjobRole, replicas: number, start: Origin, reading: PdjobReading): ServeLine | null {
  const { root, originAt, problems } = reading;
  const map = root.get(role, true) as Node | undefined;
  if (!isMap(map)) {
    const said = {
      what: `Add a map called "${role}"`,
      why: "it says what that role runs",
      fix: `${role}: { num_gpus: 1, replicas: 1, params: { … } }`,
    };
    problems.push(errorAt(map === undefined ? start : originAt(map), said));
    return null;
  }
  problems.push(...unknownKeys(map, roleKeys, role, reading));
  const args = readPdjobParams(role, reading);
  const gpus = map.get("num_gpus", true) as Node | undefined;
  const count = wholeAt(map, "num_gpus", `${role}.num_gpus`, reading);
  const origin = originAt(map);
  return {
    ...{ name: `pdjob ${role}`, origin, role, replicas, gpuIds: null, args },
    gpuCount: count === null || gpus === undefined ? null : { value: count, origin: originAt(gpus) },
    env: [...variablesAt(root, reading), ...variablesAt(map, reading)],
  };
}

/** Upstream passes over them; a slip would go unnoticed. */
function unknownKeys(map: YAMLMap, known: readonly string[], where: string, { originAt }: PdjobReading): Problem[] {
  return map.items.flatMap(({ key }) =>
    !isScalar(key) || known.includes(String(key.value)) ? [] : [warningAt(originAt(key as Node), {
      what: `Ignore the key "${key.value}" of ${where}`,
      why: `it has ${known.join(", ")}`,
      fix: nearestName(String(key.value), known) ?? "remove it",
    })]
  );
}

function replicasOf(role: PdjobRole, reading: PdjobReading): number {
  const map = reading.root.get(role, true);
  return isMap(map) ? wholeAt(map, "replicas", `${role}.replicas`, reading) ?? 1 : 1;
}

/** A whole number from 1; its absence is an error too, as upstream. */
function wholeAt(map: YAMLMap, key: string, name: string, { originAt, problems }: PdjobReading): number | null {
  const node = map.get(key, true) as Node | undefined;
  const value: unknown = isScalar(node) ? node.value : null;
  if (Number.isInteger(value) && Number(value) > 0) return Number(value);
  problems.push(errorAt(originAt(node ?? map), {
    what: value === null ? `Give ${name}` : `${name} cannot be "${value}"`,
    why: "it must be a whole number from 1",
    fix: `${key}: 1`,
  }));
  return null;
}

/** Values as Python writes them: `true` is `True`, which is what upstream exports. */
function variablesAt(map: YAMLMap, { originAt, problems }: PdjobReading): EngineVariable[] {
  const node = map.get("envs", true) as Node | undefined;
  if (node === undefined || (isScalar(node) && node.value === null)) return [];
  if (!isMap(node)) {
    const said = { what: '"envs" must be a map', why: "it holds names and values", fix: "envs: { NCCL_DEBUG: INFO }" };
    problems.push(errorAt(originAt(node), said));
    return [];
  }
  return node.items.flatMap(({ key, value }) => {
    if (!isScalar(key)) return [];
    const plain: unknown = isScalar(value) ? value.value : null;
    const text = plain === true ? "True" : plain === false ? "False" : String(plain ?? "");
    return [{ name: String(key.value), value: text, origin: originAt(key as Node) }];
  });
}

function timeout(reading: PdjobReading): Saying[] {
  const { root, originAt } = reading;
  const node = root.get("timeout", true) as Node | undefined;
  if (node === undefined) return [];
  const seconds = wholeAt(root, "timeout", "timeout", reading);
  return seconds === null ? [] : [{ key: "startupTimeoutMs", text: `${seconds}s`, origin: originAt(node) }];
}

function workingDir({ root, originAt }: PdjobReading): Saying[] {
  const node = root.get("working_dir", true) as Node | undefined;
  if (!isScalar(node) || node.value === null) return [];
  return [{ key: "workDir", text: String(node.value), origin: originAt(node) }];
}

function checkTotals(lines: readonly ServeLine[], reading: PdjobReading): void {
  const { root, originAt, problems } = reading;
  const total = root.get("num_gpus", true) as Node | undefined;
  const sum = lines.reduce((all, { gpuCount, replicas }) => all + (gpuCount?.value ?? 0) * replicas, 0);
  if (isScalar(total) && typeof total.value === "number" && total.value < sum) {
    problems.push(errorAt(originAt(total), {
      what: `num_gpus ${total.value} is less than the ${sum} GPUs of the roles`,
      why: lines.map(({ name, gpuCount, replicas }) => `${name} takes ${replicas}×${gpuCount?.value ?? 0}`).join(", "),
      fix: `num_gpus: ${sum}`,
    }));
  }
  const perWorker: unknown = root.get("gpus_per_worker");
  for (const { gpuCount, name } of lines) {
    if (typeof perWorker !== "number" || gpuCount === null || gpuCount.value % perWorker === 0) continue;
    problems.push(errorAt(gpuCount.origin, {
      what: `${name} has ${gpuCount.value} GPUs, which gpus_per_worker ${perWorker} does not divide`,
      why: "upstream hands GPUs out in bundles of that size",
      fix: "gpus_per_worker: 1",
    }));
  }
}

function unknownConnector(sayings: readonly Saying[]): Problem[] {
  return sayings.filter(({ key, text }) => key === "kvConnector" && !connectors.includes(text.toLowerCase()))
    .map(({ text, origin }) =>
      warningAt(origin, {
        what: `Unrecognized kv_connector "${text}" for pdjob`,
        why: "upstream refuses it; pdserve runs it as a plain prefill and decode where it does not know it",
        fix: '"kv_connector":"NixlConnector"',
      })
    );
}
