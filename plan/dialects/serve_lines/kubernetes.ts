// Kubernetes manifests: each Deployment with vLLM in it is a pool of workers; what a pod has by itself the plan adds.

import { isMap, isScalar, isSeq, type Node, type YAMLMap } from "yaml";
import { emptyLayer, type Saying } from "../../layer.ts";
import type { Problem } from "../../problem.ts";
import { splitShellWords } from "../../shell_words.ts";
import type { EngineVariable, Origin, Sourced } from "../../spec.ts";
import type { Dialect, ReadFile } from "../dialect.ts";
import { layerOfLines } from "./layer_of_lines.ts";
import { readServeLine } from "./read_serve_line.ts";
import { serveArguments, type ServeLine } from "./serve_line.ts";
import { errorAt, warningAt } from "../tell.ts";
import { readYamlDocuments } from "../yaml/yaml_document.ts";

export const kubernetes: Dialect = {
  name: "kubernetes",
  matches: (path, text) => /\.(ya?ml|json)$/i.test(path) && workload.test(text),
  read,
};

const workload = /^kind:\s*["']?(Deployment|StatefulSet)\b/m;
const gpuResources = ["nvidia.com/gpu", "amd.com/gpu"];

interface Reading {
  readonly originAt: (node: Node) => Origin;
  readonly problems: Problem[];
}

function read(text: string, path: string): ReadFile {
  const documents = readYamlDocuments(text, path);
  const syntax = documents.flatMap(({ problems }) => problems);
  if (syntax.length > 0) return { layer: emptyLayer, problems: syntax };
  const problems: Problem[] = [];
  const lines: ServeLine[] = [];
  const sayings: Saying[] = [];
  for (const { root, lineOf } of documents) {
    if (!isMap(root)) continue;
    const reading: Reading = { originAt: (node) => ({ is: "file", path, line: lineOf(node) }), problems };
    const kind = String(root.get("kind"));
    if (kind === "Service") sayings.push(...servicePort(root, reading));
    if (kind === "Deployment" || kind === "StatefulSet") lines.push(...workersOf(root, kind, reading));
  }
  if (lines.length === 0) {
    problems.push(errorAt({ is: "file", path, line: 1 }, {
      what: "Find no Deployment that runs vLLM",
      why: "its container's args or command say what to serve",
      fix: "args: [--model=MODEL, --kv-transfer-config={…}]",
    }));
    return { layer: emptyLayer, problems };
  }
  const layer = layerOfLines("Kubernetes", lines.map(readServeLine), problems);
  return { layer: { ...layer, sayings: [...layer.sayings, ...sayings] }, problems };
}

function workersOf(root: YAMLMap, kind: string, reading: Reading): ServeLine[] {
  const name = `${kind} ${root.getIn(["metadata", "name"]) ?? "without a name"}`;
  const origin = reading.originAt(root.get("kind", true) as Node);
  const containers = root.getIn(["spec", "template", "spec", "containers"], true);
  const container = isSeq(containers) ? containers.items.find((one) => isMap(one) && servesVllm(one)) : undefined;
  if (!isMap(container)) {
    const why = "no container of it runs vLLM; pdserve has a router of its own";
    reading.problems.push(warningAt(origin, { what: `Ignore the ${name}`, why, fix: "leave it out" }));
    return [];
  }
  const replicas = root.getIn(["spec", "replicas"], true) as Node | undefined;
  const count: unknown = isScalar(replicas) ? replicas.value : 1;
  if (count === 0) return [];
  if (!Number.isInteger(count) || Number(count) < 0) {
    const what = `replicas cannot be "${count}"`;
    const where = reading.originAt(replicas ?? root);
    reading.problems.push(errorAt(where, { what, why: "it counts pods", fix: "replicas: 1" }));
  }
  const variables = variablesOf(container, reading);
  return [{
    ...{ name, origin, role: null, replicas: Math.max(1, Number(count) || 1) },
    ...{ gpuCount: gpuLimit(container, reading), gpuIds: null },
    args: serveArguments(vllmWords(container, reading)),
    env: variables,
  }];
}

function servesVllm(container: YAMLMap): boolean {
  const words = [...wordsOf(container, "command"), ...wordsOf(container, "args")].map(({ value }) => String(value));
  const text = words.join(" ");
  return /\bvllm serve\b|vllm\.entrypoints/.test(text) || /--(kv[-_]transfer[-_]config|model)\b/.test(text);
}

function wordsOf(container: YAMLMap, key: string): readonly { readonly value: unknown; readonly node: Node }[] {
  const list = container.get(key, true);
  return isSeq(list)
    ? list.items.flatMap((item) => isScalar(item) ? [{ value: item.value, node: item as Node }] : [])
    : [];
}

/** What stands after `vllm serve`; a shell's one long word is split as that shell would. */
function vllmWords(container: YAMLMap, { originAt, problems }: Reading): { text: string; origin: Origin }[] {
  const words = [...wordsOf(container, "command"), ...wordsOf(container, "args")].flatMap(({ value, node }) => {
    const text = String(value);
    const origin = originAt(node);
    if (!/\bvllm serve\b/.test(text)) return [{ text, origin }];
    const split = splitShellWords(text.replaceAll(/\\\n/g, " "));
    if (split === null) {
      const why = "a quote is opened and not closed";
      problems.push(errorAt(origin, { what: "Cannot split the command into words", why, fix: "close the quote" }));
    }
    return (split ?? []).map((word) => ({ text: word, origin }));
  });
  const serve = words.findLastIndex(({ text }) => text === "serve");
  const module = words.findLastIndex(({ text }) => text.startsWith("vllm.entrypoints"));
  return words.slice(Math.max(serve, module) + 1);
}

function gpuLimit(container: YAMLMap, { originAt }: Reading): Sourced<number> | null {
  for (const kind of ["limits", "requests"]) {
    for (const resource of gpuResources) {
      const node = container.getIn(["resources", kind, resource], true);
      const count = isScalar(node) ? Number(node.value) : Number.NaN;
      if (Number.isInteger(count) && count > 0) return { value: count, origin: originAt(node as Node) };
    }
  }
  return null;
}

function variablesOf(container: YAMLMap, { originAt, problems }: Reading): EngineVariable[] {
  const list = container.get("env", true);
  return (isSeq(list) ? list.items : []).flatMap((item) => {
    if (!isMap(item)) return [];
    const [name, value] = [String(item.get("name")), item.get("value", true)];
    const origin = originAt(item as Node);
    if (isScalar(value)) return [{ name, value: String(value.value ?? ""), origin }];
    problems.push(warningAt(origin, {
      what: `Set ${name} yourself where it is needed`,
      why: "its value comes from the cluster",
      fix: `${name}=… pdserve …`,
    }));
    return [];
  });
}

/** The port clients know is the router's. */
function servicePort(root: YAMLMap, { originAt }: Reading): Saying[] {
  const ports = root.getIn(["spec", "ports"], true);
  const node = isSeq(ports) && isMap(ports.items[0]) ? ports.items[0].get("port", true) : undefined;
  return isScalar(node) ? [{ key: "port", text: String(node.value), origin: originAt(node as Node) }] : [];
}
