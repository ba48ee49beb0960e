// The topology file of vime and slime: models, each with its server groups. Both read the same form under a key of their own.

import { isMap, isScalar, isSeq, type Node, type YAMLMap } from "yaml";
import { nearestName } from "../../../kv/nearest_name.ts";
import { emptyLayer, type Saying } from "../../layer.ts";
import type { Problem } from "../../problem.ts";
import { settings } from "../../settings.ts";
import type { Layout, Origin, WorkerGroup } from "../../spec.ts";
import type { Asked, Dialect, ReadFile } from "../dialect.ts";
import { longRequests, rolloutLimitS } from "../long_requests.ts";
import { type ModelEntry, readModelEntry } from "./model_entry.ts";
import { everyModel } from "./model_names.ts";
import { forTrainer } from "./trained_env.ts";
import type { RolloutReading } from "./reading.ts";
import { errorAt, warningAt } from "../tell.ts";
import { readYaml } from "../yaml/yaml_document.ts";

export interface Tool {
  readonly name: "vime" | "slime";
  /** The file's one top key, which is the engine too. */
  readonly key: "vllm" | "sglang";
}

export function serverGroupsDialect(tool: Tool): Dialect {
  return {
    name: tool.name,
    matches: (path, text) => /\.ya?ml$/i.test(path) && new RegExp(`^${tool.key}:`, "m").test(text),
    read: (text, path, asked) => read(tool, text, path, asked),
  };
}

function read(tool: Tool, text: string, path: string, asked: Asked = {}): ReadFile {
  const { root, lineOf, problems: syntax } = readYaml(text, path);
  const originAt = (node: Node): Origin => ({ is: "file", path, line: lineOf(node) });
  const start: Origin = { is: "file", path, line: 1 };
  if (syntax.length > 0) return { layer: emptyLayer, problems: syntax };
  const problems: Problem[] = [];
  const list = root !== null && isMap(root) ? root.get(tool.key, true) as Node | undefined : undefined;
  if (list === undefined || !isMap(root) || !isSeq(list) || list.items.length === 0) {
    return { layer: emptyLayer, problems: [noModels(tool, root, start)] };
  }
  problems.push(...otherKeys(tool, root, originAt));
  const engine = engineFor(tool, asked.engine ?? null);
  const reading: RolloutReading = { originAt, problems, speaks: /sglang/.test(engine ?? "") ? "sglang" : "vllm" };
  const models = (list.items as Node[]).flatMap((item) => readModelEntry(item, reading) ?? []);
  problems.push(...sameNames(models));
  const chosen = choose(models, asked.modelEntry ?? null, start, problems);
  if (chosen === null) return { layer: emptyLayer, problems };
  const own: Saying[] = engine === null ? [] : [{ key: "engine", text: engine, origin: start }];
  const sayings = [...own, ...longRequests(rolloutLimitS, start)];
  const engineEnv = { ...emptyLayer.engineEnv, both: forTrainer(tool, chosen, reading.speaks, asked.env ?? {}) };
  return { layer: { ...emptyLayer, sayings, engineEnv, layout: layoutOf(tool, models, chosen) }, problems };
}

/** What the line asks for, else the file's own where pdserve has it; null leaves it to the default. */
function engineFor({ key }: Tool, asked: string | null): string | null {
  const choices: readonly string[] = settings.engine.choices;
  return asked ?? (key !== "vllm" && choices.includes(key) ? key : null);
}

function layoutOf(tool: Tool, models: readonly ModelEntry[], chosen: ModelEntry): Layout {
  const groups = models.flatMap((model) => model === chosen ? model.groups : model.groups.map(reserved));
  return {
    ...{ tool: tool.name, engine: tool.key, model: chosen.model, groups },
    ...{ ports: "search", updatesWeights: chosen.updatesWeights },
  };
}

/** Another model's GPUs: the run that serves it counts the same way and finds them free. */
function reserved({ origin, gpus }: WorkerGroup): WorkerGroup {
  return { role: "placeholder", origin, gpus, gpusPerWorker: 1, args: [], env: [] };
}

function choose(
  models: readonly ModelEntry[],
  asked: string | null,
  start: Origin,
  problems: Problem[],
): ModelEntry | null {
  const isOpen = asked === null || asked === everyModel;
  const found = models.find(({ name }) => name === asked);
  const names = models.map(({ name }) => name);
  if (!isOpen && found === undefined && models.length > 0) {
    const fix = `--model-entry ${nearestName(asked, names) ?? names[0]}`;
    problems.push(errorAt(start, { what: `No model is called "${asked}"`, why: `there are ${names.join(", ")}`, fix }));
    return null;
  }
  if (isOpen && models.length > 1) {
    problems.push(errorAt(models[1]?.origin ?? start, {
      what: `Choose one of the models ${names.join(", ")}`,
      why: "a plan is of one model; `up` serves all of them behind one listener with --model-entry all",
      fix: `--model-entry ${names[0]}, or --model-entry all`,
    }));
    return null;
  }
  return found ?? models[0] ?? null;
}

function noModels(tool: Tool, root: Node | null, start: Origin): Problem {
  const keys = root !== null && isMap(root) ? root.items.map(({ key }) => isScalar(key) ? String(key.value) : "?") : [];
  const other = tool.key === "vllm" ? "sglang" : "vllm";
  const has = keys.includes(tool.key);
  return errorAt(start, {
    what: `List the models under "${tool.key}:"`,
    why: has ? "it is no list of models" : keys.length > 0 ? `the file has ${keys.join(", ")}` : "the file has no keys",
    fix: keys.includes(other) ? `--${other}-config FILE` : `${tool.key}: [{ name: actor, server_groups: [ … ] }]`,
  });
}

function otherKeys(tool: Tool, root: YAMLMap, originAt: (node: Node) => Origin): Problem[] {
  return root.items.filter(({ key }) => isScalar(key) && key.value !== tool.key).map(({ key }) =>
    warningAt(originAt(key as Node), {
      what: `Ignore the key "${isScalar(key) ? key.value : "?"}"`,
      why: `${tool.name} reads only "${tool.key}"`,
      fix: "remove it",
    })
  );
}

/** Upstream keeps the last one and forgets the workers of the other. */
function sameNames(models: readonly ModelEntry[]): Problem[] {
  return models.filter((model, at) => models.findIndex(({ name }) => name === model.name) < at).map((model) =>
    errorAt(model.origin, {
      what: `Two models are called "${model.name}"`,
      why: "the name is how a job finds its router",
      fix: `name: ${model.name}-2`,
    })
  );
}
