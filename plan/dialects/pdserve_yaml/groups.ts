// `groups` of pdserve.yaml: workers laid out one pool after the other, where prefill and decode alone do not say enough.

import { isMap, isScalar, isSeq, type Node, type YAMLMap } from "yaml";
import { nearestName } from "../../../kv/nearest_name.ts";
import type { Problem } from "../../problem.ts";
import type { EngineArgument, EngineVariable, Origin, WorkerGroup } from "../../spec.ts";
import { shownValue } from "../shown_value.ts";
import { errorAt } from "../tell.ts";
import { engineArguments } from "../yaml/yaml_arguments.ts";
import { variables } from "../yaml/yaml_variables.ts";

/** The keys beside `groups` that belong to it. */
export const layoutKeys = ["groups", "fixed_ports", "updates_weights"] as const;

const keys = ["role", "gpus", "gpus_per_worker", "tp", "args", "env", "ports"];
const roles = ["prefill", "decode", "regular", "encode", "placeholder"] as const;

type OriginAt = (node: Node) => Origin;

export function readGroups(node: Node, originAt: OriginAt, problems: Problem[]): readonly WorkerGroup[] {
  if (isSeq(node) && node.items.length > 0) {
    return (node.items as Node[]).flatMap((item) => readGroup(item, originAt, problems) ?? []);
  }
  const said = {
    what: '"groups" must be a list',
    why: "each entry is a pool of like workers",
    fix: "groups: [{ role: prefill, gpus: 2 }]",
  };
  problems.push(errorAt(originAt(node), said));
  return [];
}

function readGroup(node: Node, originAt: OriginAt, problems: Problem[]): WorkerGroup | null {
  const origin = originAt(node);
  if (!isMap(node)) {
    const said = {
      what: "A group must hold keys",
      why: `it has ${keys.join(", ")}`,
      fix: "{ role: prefill, gpus: 2 }",
    };
    problems.push(errorAt(origin, said));
    return null;
  }
  problems.push(...unknownKeys(node, originAt));
  const role = roles.find((one) => one === node.get("role")) ?? null;
  if (role === null) {
    problems.push(errorAt(originAt((node.get("role", true) as Node | undefined) ?? node), {
      what: `The role of a group cannot be ${shownValue(node.get("role") ?? "")}`,
      why: `it is one of ${roles.join(", ")}`,
      fix: `role: ${nearestName(String(node.get("role")), roles) ?? "prefill"}`,
    }));
  }
  const gpus = gpusOf(node, originAt, problems);
  const size = whole(node, "gpus_per_worker", originAt, problems);
  const tp = whole(node, "tp", originAt, problems);
  const ports = portsOf(node, originAt, problems);
  const rest = { args: argsOf(node, originAt, problems), env: envOf(node, originAt, problems) };
  if (role === null || gpus === null) return null;
  return {
    ...{ role, origin, gpus, gpusPerWorker: size, ...rest },
    ...(tp === null ? {} : { tp }),
    ...(ports === null ? {} : { ports }),
  };
}

function unknownKeys(map: YAMLMap, originAt: OriginAt): Problem[] {
  return map.items.flatMap(({ key }) =>
    !isScalar(key) || keys.includes(String(key.value)) ? [] : [errorAt(originAt(key as Node), {
      what: `Unknown key "${key.value}" in a group`,
      why: `a group has ${keys.join(", ")}`,
      fix: nearestName(String(key.value), keys) ?? `args: { ${key.value}: … } where it is the engine's`,
    })]
  );
}

function gpusOf(map: YAMLMap, originAt: OriginAt, problems: Problem[]): WorkerGroup["gpus"] | null {
  const node = map.get("gpus", true) as Node | undefined;
  if (isScalar(node) && Number.isInteger(node.value) && Number(node.value) > 0) return Number(node.value);
  const ids: unknown = isSeq(node) ? node.toJSON() : null;
  const isList = Array.isArray(ids) && ids.length > 0 && new Set(ids.map(String)).size === ids.length;
  if (isList && ids.every((id) => typeof id === "string" || typeof id === "number")) return ids.map(String);
  problems.push(errorAt(originAt(node ?? map), {
    what: "Give the group its gpus",
    why: "they are a count, or a list of ids, each once",
    fix: "gpus: 2, or gpus: [0, 1]",
  }));
  return null;
}

function whole(map: YAMLMap, key: string, originAt: OriginAt, problems: Problem[]): number | null {
  const node = map.get(key, true) as Node | undefined;
  const value: unknown = isScalar(node) ? node.value : node === undefined ? null : node.toJSON();
  if (value === null) return null;
  if (Number.isInteger(value) && Number(value) > 0) return Number(value);
  const what = `${key} cannot be ${JSON.stringify(value)}`;
  problems.push(errorAt(originAt(node ?? map), { what, why: "it must be a whole number from 1", fix: `${key}: 2` }));
  return null;
}

function portsOf(map: YAMLMap, originAt: OriginAt, problems: Problem[]): Readonly<Record<string, number>> | null {
  const node = map.get("ports", true) as Node | undefined;
  if (node === undefined) return null;
  const plain: unknown = isMap(node) ? node.toJSON() : null;
  const numbers = Object.entries(plain ?? {}) as [string, unknown][];
  const isPort = (value: unknown) => Number.isInteger(value) && Number(value) > 0 && Number(value) < 65_536;
  if (plain !== null && numbers.every(([, value]) => isPort(value))) {
    return Object.fromEntries(numbers) as Record<string, number>;
  }
  const why = "each purpose has the first worker's first port";
  problems.push(errorAt(originAt(node), { what: "Cannot read the group's ports", why, fix: "ports: { http: 8100 }" }));
  return null;
}

function argsOf(map: YAMLMap, originAt: OriginAt, problems: Problem[]): readonly EngineArgument[] {
  const node = map.get("args", true) as Node | undefined;
  const read = node === undefined ? null : engineArguments(node, originAt);
  if (read === null || read.is === "arguments") return read?.list ?? [];
  const said = { what: `Cannot read the group's "args"`, why: read.why, fix: "args: { max-num-seqs: 64 }" };
  problems.push(errorAt(originAt(read.at), said));
  return [];
}

function envOf(map: YAMLMap, originAt: OriginAt, problems: Problem[]): readonly EngineVariable[] {
  const node = map.get("env", true) as Node | undefined;
  const read = node === undefined ? null : variables(node, originAt);
  if (read === null || read.is === "variables") return read?.list ?? [];
  const said = { what: `Cannot read the group's "env"`, why: read.why, fix: "env: { NCCL_DEBUG: INFO }" };
  problems.push(errorAt(originAt(read.at), said));
  return [];
}
