// One model of a topology file: its groups, and which weights it serves.

import { isMap, isScalar, isSeq, type Node, type YAMLMap } from "yaml";
import { nearestName } from "../../../kv/nearest_name.ts";
import type { Problem } from "../../problem.ts";
import type { Origin, Sourced, WorkerGroup } from "../../spec.ts";
import { type GroupEntry, readGroupEntry } from "./group_entry.ts";
import type { RolloutReading } from "./reading.ts";
import { shownValue } from "../shown_value.ts";
import { errorAt, warningAt } from "../tell.ts";

export interface ModelEntry {
  readonly name: string;
  readonly origin: Origin;
  readonly model: Sourced<string> | null;
  readonly groups: readonly WorkerGroup[];
  /** Null: it follows from the model. */
  readonly updatesWeights: boolean | null;
}

const keys = ["name", "model_path", "update_weights", "num_gpus_per_engine", "server_groups", "engine_groups"];

export function readModelEntry(node: Node, reading: RolloutReading): ModelEntry | null {
  const { originAt, problems } = reading;
  const origin = originAt(node);
  const say = (at: Origin, what: string, why: string, fix: string) => problems.push(errorAt(at, { what, why, fix }));
  if (!isMap(node)) {
    say(origin, "A model must hold keys", "it is not a map", "- { name: actor, server_groups: [ … ] }");
    return null;
  }
  unknownKeys(node, originAt, problems);
  const name = node.get("name");
  if (typeof name !== "string" || name === "") {
    say(origin, "Give the model a name", "a job finds it by name", "name: actor");
  }
  const perEngine = wholeOrNull(node, "num_gpus_per_engine", origin, problems);
  const path = node.get("model_path");
  const groups = groupsOf(node).flatMap((group) => readGroupEntry(group, perEngine, reading) ?? []);
  if (groups.length === 0 && groupsOf(node).length === 0) {
    say(
      origin,
      `Give the model "${name}" a server group`,
      "it has no workers",
      "server_groups: [{ worker_type: regular, num_gpus: 1 }]",
    );
  }
  problems.push(...mixedRoles(String(name), groups, origin));
  const own = typeof path === "string" ? { value: path, origin } : null;
  const update = node.get("update_weights");
  if (path !== undefined && path !== null && own === null) {
    say(origin, `model_path cannot be ${shownValue(path)}`, "it names a folder or a hub id", "model_path: org/model");
  }
  if (update !== undefined && update !== null && typeof update !== "boolean") {
    say(origin, `update_weights cannot be ${shownValue(update)}`, "it is true or false", "update_weights: true");
  }
  return {
    ...{ name: String(name), origin, groups: groups.map(({ group }) => group) },
    model: oneModel(groups, own, problems),
    updatesWeights: typeof update === "boolean" ? update : null,
  };
}

/** `engine_groups` is the older name, read where the newer one is missing or empty. */
function groupsOf(map: YAMLMap): readonly Node[] {
  const lists = ["server_groups", "engine_groups"].map((key) => map.get(key, true));
  const list = lists.find((one) => isSeq(one) && one.items.length > 0);
  return isSeq(list) ? list.items as Node[] : [];
}

function unknownKeys(map: YAMLMap, originAt: (node: Node) => Origin, problems: Problem[]): void {
  for (const { key } of map.items) {
    if (!isScalar(key) || keys.includes(String(key.value))) continue;
    const meant = nearestName(String(key.value), keys);
    problems.push(warningAt(originAt(key), {
      what: `Ignore the key "${key.value}" of a model`,
      why: `a model has ${keys.slice(0, -1).join(", ")}`,
      fix: meant ?? "remove it",
    }));
  }
}

/** A whole number from 1; 0 and null are as good as nothing, as upstream. */
function wholeOrNull(map: YAMLMap, key: string, origin: Origin, problems: Problem[]): number | null {
  const value = map.get(key);
  if (value === undefined || value === null || value === 0) return null;
  if (Number.isInteger(value) && Number(value) > 0) return Number(value);
  problems.push(errorAt(origin, {
    what: `${key} cannot be ${shownValue(value)}`,
    why: "it must be a whole number from 1",
    fix: `${key}: 2`,
  }));
  return null;
}

function oneModel(
  groups: readonly GroupEntry[],
  own: Sourced<string> | null,
  problems: Problem[],
): Sourced<string> | null {
  const first = groups[0]?.model ?? own;
  const other = groups.find(({ model }) => (model ?? own)?.value !== first?.value);
  if (other !== undefined) {
    problems.push(errorAt(other.group.origin, {
      what: `This group serves "${(other.model ?? own)?.value ?? "MODEL"}", another of the model "${
        first?.value ?? "MODEL"
      }"`,
      why: "KV of one model means nothing to another",
      fix: "one model_path for all groups, or a model entry of its own",
    }));
  }
  return first;
}

/** Written in the documents and checked by nobody upstream. */
function mixedRoles(name: string, groups: readonly GroupEntry[], origin: Origin): Problem[] {
  const has = (role: WorkerGroup["role"]) => groups.some(({ group }) => group.role === role);
  const regular = groups.find(({ group }) => group.role === "regular");
  const split = has("prefill") || has("decode");
  const encode = groups.find(({ group }) => group.role === "encode");
  if (encode !== undefined && regular === undefined && !split) {
    return [errorAt(encode.group.origin, {
      what: `Give the model "${name}" a group that answers`,
      why: "encoders only turn images into embeddings for others",
      fix: "{ worker_type: regular, num_gpus: 1 } beside it, or prefill and decode",
    })];
  }
  if (regular !== undefined && split) {
    return [errorAt(regular.group.origin, {
      what: `Do not mix regular with prefill or decode groups in "${name}"`,
      why: "a request is either split or not",
      fix: "make it a model entry of its own, or prefill and decode",
    })];
  }
  if (!split || (has("prefill") && has("decode"))) return [];
  const lacks = has("prefill") ? "decode" : "prefill";
  return [errorAt(origin, {
    what: `Give the model "${name}" a ${lacks} group`,
    why: `it has only ${has("prefill") ? "prefill" : "decode"} workers, which cannot answer alone`,
    fix: `{ worker_type: ${lacks}, num_gpus: 1 }, or worker_type: regular`,
  })];
}
