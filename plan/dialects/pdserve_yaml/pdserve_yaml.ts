// pdserve.yaml: the flags as a file. `model`, `args` and `env` for both roles or one, and each setting under its YAML path.

import { isMap, isScalar, type Node, type YAMLMap } from "yaml";
import type { Layer, Saying } from "../../layer.ts";
import { nearestName } from "../../../kv/nearest_name.ts";
import type { Problem } from "../../problem.ts";
import { type Setting, type SettingKey, settings } from "../../settings.ts";
import type { EngineArgument, EngineVariable, Layout, Origin } from "../../spec.ts";
import type { Dialect, ReadFile } from "../dialect.ts";
import { engineArguments } from "../yaml/yaml_arguments.ts";
import { readYaml } from "../yaml/yaml_document.ts";
import { layoutKeys, readGroups } from "./groups.ts";
import { settingTexts } from "../yaml/yaml_values.ts";
import { variables } from "../yaml/yaml_variables.ts";

export const pdserveYaml: Dialect = {
  name: "pdserve",
  matches: (path) => /\.ya?ml$/i.test(path),
  read,
};

const keyByPath = new Map<string, SettingKey>(
  (Object.entries(settings) as [SettingKey, Setting][]).flatMap(([key, { yaml }]) =>
    yaml === null ? [] : [[yaml, key]]
  ),
);
const argsPaths = { both: "args", prefill: "prefill.args", decode: "decode.args" } as const;
const envPaths = { both: "env", prefill: "prefill.env", decode: "decode.env" } as const;
const knownPaths = [
  "model",
  ...layoutKeys,
  ...Object.values(argsPaths),
  ...Object.values(envPaths),
  ...keyByPath.keys(),
];
const sections = new Set(knownPaths.flatMap((path) => path.includes(".") ? [path.slice(0, path.indexOf("."))] : []));

type EnginesOf = keyof typeof argsPaths;

interface Reading {
  readonly path: string;
  originAt(node: Node): Origin;
  readonly sayings: Saying[];
  readonly args: Record<EnginesOf, EngineArgument[]>;
  readonly env: Record<EnginesOf, EngineVariable[]>;
  model: Layer["model"];
  readonly problems: Problem[];
}

function read(text: string, path: string): ReadFile {
  const { root, lineOf, problems } = readYaml(text, path);
  const reading: Reading = {
    path,
    originAt: (node) => ({ is: "file", path, line: lineOf(node) }),
    sayings: [],
    args: { both: [], prefill: [], decode: [] },
    env: { both: [], prefill: [], decode: [] },
    model: null,
    problems: [...problems],
  };
  // After a syntax error the tree is a guess: what it says would only add noise.
  if (problems.length === 0 && root !== null) {
    if (isMap(root)) readMap(root, "", reading);
    else if (!isScalar(root) || root.value !== null) {
      complain(reading, root, "The file is not a map of settings", "model: NAME");
    }
  }
  const { model, sayings, args, env } = reading;
  const layout = problems.length === 0 && isMap(root) ? layoutOf(root, reading) : {};
  return { layer: { model, sayings, engineArgs: args, engineEnv: env, ...layout }, problems: reading.problems };
}

/** `groups`, and the two keys that only mean something beside it. */
function layoutOf(root: YAMLMap, reading: Reading): { readonly layout?: Layout } {
  const node = root.get("groups", true) as Node | undefined;
  const truth = (key: string) => {
    const value = root.get(key, true) as Node | undefined;
    if (value === undefined || (isScalar(value) && typeof value.value === "boolean")) return value?.toJSON() ?? null;
    complain(reading, value, `"${key}" must be true or false`, `${key}: true`);
    return null;
  };
  const [fixed, updates] = [truth("fixed_ports"), truth("updates_weights")];
  if (node === undefined || (isScalar(node) && node.value === null)) return {};
  const groups = readGroups(node, reading.originAt, reading.problems);
  const layout = { tool: "pdserve.yaml", engine: null, model: null, groups, updatesWeights: updates };
  return { layout: { ...layout, ports: fixed === true ? "exact" : "search" } };
}

function readMap(map: YAMLMap, prefix: string, reading: Reading): void {
  for (const { key, value } of map.items) {
    if (!isScalar(key)) continue;
    // `served-model-name` is as good as `served_model_name`: flags are written with dashes.
    const path = prefix + String(key.value).replaceAll("-", "_");
    const empty = value === null || (isScalar(value) && value.value === null);
    if (!sections.has(path) && !knownPaths.includes(path)) unknownKey(reading, key, path);
    else if (empty) continue;
    else if (sections.has(path)) readSection(value as Node, path, reading);
    else readKnown(value as Node, path, reading);
  }
}

function readSection(node: Node, path: string, reading: Reading): void {
  if (isMap(node)) return readMap(node, `${path}.`, reading);
  const inside = knownPaths.filter((known) => known.startsWith(`${path}.`)).map((known) =>
    known.slice(path.length + 1)
  );
  complain(reading, node, `"${path}" must hold keys`, `${path}: { ${inside[0]}: … }`, `it holds ${inside.join(", ")}`);
}

function readKnown(node: Node, path: string, reading: Reading): void {
  if (layoutKeys.some((key) => key === path)) return;
  const origin = reading.originAt(node);
  const argsFor = enginesAt(path, argsPaths);
  if (argsFor !== null) {
    const read = engineArguments(node, reading.originAt);
    if (read.is === "arguments") reading.args[argsFor].push(...read.list);
    else complain(reading, read.at, `Cannot read "${path}"`, `${path}: { max-model-len: 8192 }`, read.why);
    return;
  }
  const envFor = enginesAt(path, envPaths);
  if (envFor !== null) {
    const read = variables(node, reading.originAt);
    if (read.is === "variables") reading.env[envFor].push(...read.list);
    else complain(reading, read.at, `Cannot read "${path}"`, `${path}: { NCCL_DEBUG: INFO }`, read.why);
    return;
  }
  if (path === "model") {
    if (isScalar(node)) reading.model = { value: String(node.value), origin };
    else complain(reading, node, `"model" must be a name or a path`, "model: Qwen/Qwen3-0.6B");
    return;
  }
  const key = keyByPath.get(path);
  if (key === undefined) return;
  const read = settingTexts(node, settings[key], key);
  if (read.is === "texts") reading.sayings.push(...read.texts.map((text) => ({ key, text, origin })));
  else complain(reading, node, `"${path}" has the wrong type`, `${path}: ${read.example}`, read.why);
}

function enginesAt(path: string, paths: Readonly<Record<EnginesOf, string>>): EnginesOf | null {
  return (Object.keys(paths) as EnginesOf[]).find((engines) => paths[engines] === path) ?? null;
}

function unknownKey(reading: Reading, key: Node, path: string): void {
  const meant = nearestName(path, [...knownPaths, ...sections]) ?? samePlaceElsewhere(path);
  const why = `no setting has this name${meant === null ? "; flags of the engine go under args" : ""}`;
  complain(reading, key, `Unknown key "${path}"`, meant ?? `args: { ${path.split(".").at(-1)}: … }`, why);
}

/** `prefill_gpus` for `prefill.gpus`, `port` for `router.port`: the flag's name where the file has a section. */
function samePlaceElsewhere(path: string): string | null {
  const flag = `--${path.replaceAll(".", "-").replaceAll("_", "-")}`;
  const setting = (Object.values(settings) as Setting[]).find((one) =>
    one.flag === flag || one.aliases?.includes(flag)
  );
  return setting?.yaml ?? knownPaths.find((known) => known.endsWith(`.${path}`)) ?? null;
}

function complain(
  reading: Reading,
  node: Node,
  what: string,
  fix: string,
  why = "the file cannot be read otherwise",
): void {
  const origin = reading.originAt(node);
  const where = origin.is === "file" ? `${origin.path}:${origin.line}` : reading.path;
  reading.problems.push({ what, why, fix, where, severity: "error", exitCode: 2 });
}
