// One server group of a topology file.

import { isMap, isScalar, type Node, type YAMLMap } from "yaml";
import { nearestName } from "../../../kv/nearest_name.ts";
import type { Problem } from "../../problem.ts";
import type { Origin, Sourced, WorkerGroup } from "../../spec.ts";
import { groupOverrides } from "./group_overrides.ts";
import type { RolloutReading } from "./reading.ts";
import { shownValue } from "../shown_value.ts";
import { errorAt } from "../tell.ts";

export interface GroupEntry {
  readonly group: WorkerGroup;
  /** What its overrides say to serve. */
  readonly model: Sourced<string> | null;
}

const keys = ["worker_type", "num_gpus", "num_gpus_per_engine", "overrides"];
const roles = ["regular", "prefill", "decode", "placeholder", "encoder"] as const;

export function readGroupEntry(
  node: Node,
  modelPerEngine: number | null,
  reading: RolloutReading,
): GroupEntry | null {
  const { originAt, problems } = reading;
  const origin = originAt(node);
  if (!isMap(node)) {
    const said = {
      what: "A server group must hold keys",
      why: "it is not a map",
      fix: "{ worker_type: prefill, num_gpus: 2 }",
    };
    problems.push(errorAt(origin, said));
    return null;
  }
  unknownKeys(node, originAt, problems);
  const role = roleOf(node, originAt, problems);
  const gpus = whole(node, "num_gpus", true, originAt, problems);
  const perEngine = whole(node, "num_gpus_per_engine", false, originAt, problems);
  const { args, tp, model } = groupOverrides((node.get("overrides", true) as Node) ?? null, reading);
  if (role === null || gpus === null) return null;
  const group = { role, origin, gpus, gpusPerWorker: perEngine ?? modelPerEngine, args, env: [] };
  return { group: tp === null ? group : { ...group, tp }, model };
}

function unknownKeys(map: YAMLMap, originAt: (node: Node) => Origin, problems: Problem[]): void {
  for (const { key } of map.items) {
    if (!isScalar(key) || keys.includes(String(key.value))) continue;
    const meant = nearestName(String(key.value), keys);
    problems.push(errorAt(originAt(key), {
      what: `Unknown key "${key.value}" in a server group`,
      why: `a group has ${keys.join(", ")}`,
      fix: meant ?? `overrides: { ${key.value}: … } where it is the engine's`,
    }));
  }
}

function roleOf(
  map: YAMLMap,
  originAt: (node: Node) => Origin,
  problems: Problem[],
): WorkerGroup["role"] | null {
  const node = map.get("worker_type", true) as Node | undefined;
  const said = isScalar(node) ? String(node.value) : "";
  const role = roles.find((one) => one === said);
  const origin = originAt(node ?? map);
  if (role === undefined) {
    problems.push(errorAt(origin, {
      what: said === "" ? "Give the server group a worker_type" : `worker_type cannot be "${said}"`,
      why: `it is one of ${roles.join(", ")}`,
      fix: `worker_type: ${nearestName(said, roles) ?? "prefill"}`,
    }));
    return null;
  }
  return role === "encoder" ? "encode" : role;
}

function whole(
  map: YAMLMap,
  key: string,
  needed: boolean,
  originAt: (node: Node) => Origin,
  problems: Problem[],
): number | null {
  const node = map.get(key, true) as Node | undefined;
  const value: unknown = isScalar(node) ? node.value : node?.toJSON() ?? null;
  if (value === null && !needed) return null;
  if (Number.isInteger(value) && Number(value) > 0) return Number(value);
  problems.push(errorAt(originAt(node ?? map), {
    what: value === null ? `Give the server group ${key}` : `${key} cannot be ${shownValue(value)}`,
    why: "it must be a whole number from 1",
    fix: `${key}: 2`,
  }));
  return null;
}
