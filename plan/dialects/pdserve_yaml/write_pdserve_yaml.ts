// Any file's layer as pdserve.yaml, each value with a comment on where it comes from.

import { Document, type Node, Scalar, YAMLMap, YAMLSeq } from "yaml";
import type { Layer } from "../../layer.ts";
import { envNameOf, type Setting, settings } from "../../settings.ts";
import { isSecretName, maskArgv } from "../../secrets.ts";
import { quoteShellWord } from "../../shell_words.ts";
import { type EngineArgument, type EngineVariable, type Origin, originText, type WorkerGroup } from "../../spec.ts";

/** Secrets are named and left out: the file will lie beside others. */
export function writePdserveYaml(layer: Layer, header: readonly string[]): string {
  const root = new YAMLMap();
  const model = layer.layout?.model ?? layer.model;
  if (model !== null) root.set("model", told(model.value, model.origin));
  for (const [path, node] of settingNodes(layer)) setAt(root, path.split("."), node);
  addEngines(root, [], layer.engineArgs.both, layer.engineEnv.both);
  addEngines(root, ["prefill"], layer.engineArgs.prefill, layer.engineEnv.prefill);
  addEngines(root, ["decode"], layer.engineArgs.decode, layer.engineEnv.decode);
  const { layout } = layer;
  if (layout !== undefined) {
    if (layout.ports === "exact") root.set("fixed_ports", true);
    if (layout.updatesWeights !== null) root.set("updates_weights", layout.updatesWeights);
    root.set("groups", seqOf(layout.groups.map(groupNode)));
  }
  const document = new Document(root);
  document.commentBefore = [...header, ...secretsOf(layer)].map((line) => ` ${line}`).join("\n");
  return document.toString({ lineWidth: 0, flowCollectionPadding: true });
}

/** Of what is said twice the last counts; only list settings gather. */
function settingNodes({ sayings }: Layer): [string, Node][] {
  const nodes = new Map<string, Node>();
  for (const { key, text, origin } of sayings) {
    const setting: Setting = settings[key];
    if (setting.yaml !== null && !setting.secret) nodes.set(setting.yaml, valueNode(setting, text, origin));
  }
  return [...nodes];
}

/** What is left out, so that nobody misses it. */
function secretsOf({ sayings, engineArgs, engineEnv, layout }: Layer): string[] {
  const groups = layout?.groups ?? [];
  const args = [...Object.values(engineArgs), ...groups.map((group) => group.args)].flat().filter(isSecretArgument);
  const env = [...Object.values(engineEnv), ...groups.map((group) => group.env)].flat().filter(({ name }) =>
    isSecretName(name)
  );
  const settled = sayings.filter(({ key }) => (settings[key] as Setting).secret);
  return [
    ...settled.map(({ key, origin }) => `${envNameOf(settings[key])} (${originText(origin)})`),
    ...args.map(({ words, origin }) => `${words[0]?.split("=")[0]} (${originText(origin)})`),
    ...env.map(({ name, origin }) => `${name} (${originText(origin)})`),
  ].map((told) => `Left out, because it is a secret: ${told}`);
}

function isSecretArgument({ words }: EngineArgument): boolean {
  return maskArgv(words).some((word, at) => word !== words[at]);
}

function valueNode(setting: Setting, text: string, origin: Origin): Node {
  if (setting.kind === "json") return commented(new Document(JSON.parse(text) as unknown).contents as Node, origin);
  const isNumber = setting.kind === "count" || setting.kind === "port";
  return told(setting.kind === "switch" ? text === "true" : isNumber ? Number(text) : text, origin);
}

function addEngines(
  root: YAMLMap,
  section: readonly string[],
  args: readonly EngineArgument[],
  env: readonly EngineVariable[],
): void {
  for (const [key, node] of engineNodes(args, env)) setAt(root, [...section, key], node);
}

function groupNode({ role, origin, gpus, gpusPerWorker, tp, args, env, ports }: WorkerGroup): Node {
  const map = new YAMLMap();
  map.set("role", told(role, origin));
  map.set("gpus", typeof gpus === "number" ? gpus : flowSeq(gpus));
  if (gpusPerWorker !== null) map.set("gpus_per_worker", gpusPerWorker);
  if (tp !== undefined) map.set("tp", tp);
  if (ports !== undefined) map.set("ports", flow(ports));
  for (const [key, node] of engineNodes(args, env)) map.set(key, node);
  return map;
}

function engineNodes(args: readonly EngineArgument[], env: readonly EngineVariable[]): [string, Node][] {
  const [shownArgs, shownEnv] = [
    args.filter((one) => !isSecretArgument(one)),
    env.filter((one) => !isSecretName(one.name)),
  ];
  return [
    ...(shownArgs.length > 0 ? [["args", seqOf(shownArgs.map(argumentNode))] satisfies [string, Node]] : []),
    ...(shownEnv.length > 0 ? [["env", envNode(shownEnv)] satisfies [string, Node]] : []),
  ];
}

function argumentNode({ words, origin }: EngineArgument): Node {
  return told(words.map(quoteShellWord).join(" "), origin);
}

function envNode(env: readonly EngineVariable[]): Node {
  const map = new YAMLMap();
  for (const { name, value, origin } of env) map.set(name, told(value, origin));
  return map;
}

function setAt(root: YAMLMap, [first = "", ...rest]: readonly string[], node: Node): void {
  if (rest.length === 0) return root.set(first, node);
  const inner = root.get(first, true);
  const map = inner instanceof YAMLMap ? inner : new YAMLMap();
  if (map !== inner) root.set(first, map);
  setAt(map, rest, node);
}

function told(value: unknown, origin: Origin): Scalar {
  return commented(new Scalar(value), origin);
}

/** A scalar's comment stands behind it, a map's above it. */
function commented<T extends Node>(node: T, origin: Origin): T {
  const text = ` ${originText(origin)}`;
  if (node instanceof Scalar) node.comment = text;
  else node.commentBefore = text;
  return node;
}

function seqOf(items: readonly Node[]): YAMLSeq {
  const seq = new YAMLSeq();
  seq.items.push(...items);
  return seq;
}

function flowSeq(ids: readonly string[]): YAMLSeq {
  const seq = seqOf(ids.map((id) => new Scalar(/^\d+$/.test(id) ? Number(id) : id)));
  seq.flow = true;
  return seq;
}

function flow(ports: Readonly<Record<string, number>>): YAMLMap {
  const map = new YAMLMap();
  for (const [name, port] of Object.entries(ports)) map.set(name, port);
  map.flow = true;
  return map;
}
