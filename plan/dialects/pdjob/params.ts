// A role's parameters as the words of its `vllm serve`: general ones under its own, `_extra_params` last.

import { isMap, isScalar, type Node, type YAMLMap } from "yaml";
import { splitShellWords } from "../../shell_words.ts";
import type { EngineArgument } from "../../spec.ts";
import type { PdjobReading } from "./reading.ts";
import { serveArguments } from "../serve_lines/serve_line.ts";
import { errorAt, warningAt } from "../tell.ts";

export type PdjobRole = "prefill" | "decode";

/** Flags whose switch vLLM reads as a word: `--key True`. */
const extraKey = "_extra_params";

export function readPdjobParams(role: PdjobRole, reading: PdjobReading): readonly EngineArgument[] {
  const { originAt, problems } = reading;
  const [general, own] = [paramsOf("general", reading), paramsOf(role, reading)];
  const merged = new Map([...pairs(general), ...pairs(own)]);
  const words: EngineArgument[] = [];
  for (const [name, { key, value }] of merged) {
    if (name === extraKey) continue;
    const read = wordsFor(name, value, key, reading);
    if (read !== null) words.push({ words: read, origin: originAt(key) });
  }
  if (!merged.has("kv_transfer_config")) {
    problems.push(errorAt(originAt(own ?? general ?? reading.root), {
      what: `Give ${role}.params a kv_transfer_config`,
      why: "it says how KV moves",
      fix: `kv_transfer_config: '{"kv_connector":"NixlConnector","kv_role":"${kvRoles[role]}"}'`,
    }));
  }
  return [...words, ...extraWords(general, reading), ...extraWords(own, reading)];
}

const kvRoles = { prefill: "kv_producer", decode: "kv_consumer" } as const;

interface Pair {
  readonly key: Node;
  readonly value: unknown;
}

function paramsOf(part: string, { root, originAt, problems }: PdjobReading): YAMLMap | null {
  const map = root.get(part, true) as Node | undefined;
  const params = isMap(map) ? map.get("params", true) as Node | undefined : undefined;
  if (isMap(params)) return params;
  problems.push(errorAt(originAt(params ?? map ?? root), {
    what: `Give "${part}" a map of params`,
    why: part === "general" ? "both roles start from it" : "upstream needs it, if only for kv_transfer_config",
    fix: `${part}: { params: { … } }`,
  }));
  return null;
}

function pairs(map: YAMLMap | null): [string, Pair][] {
  return (map?.items ?? []).flatMap(({ key, value }): [string, Pair][] => {
    if (!isScalar(key)) return [];
    const name = String(key.value).replaceAll("-", "_");
    // `9E+9` and the like stay as they are written.
    const plain: unknown = isScalar(value) && typeof value.value === "number"
      ? value.source ?? value.value
      : (value as Node | null)?.toJSON() ?? null;
    return [[name, { key: key as Node, value: plain }]];
  });
}

function wordsFor(name: string, value: unknown, key: Node, { originAt, problems }: PdjobReading): string[] | null {
  const flag = `--${name.replaceAll("_", "-")}`;
  if (value === null) {
    const why = "it has no value; upstream would say None";
    problems.push(warningAt(originAt(key), { what: `Leave out ${name}`, why, fix: "remove it, or give it a value" }));
    return null;
  }
  if (name === "model") return [String(value)];
  const asSwitch = typeof value === "boolean"
    ? value
    : /^(true|false)$/i.test(String(value))
    ? /^t/i.test(String(value))
    : null;
  if (asSwitch !== null) return [asSwitch ? flag : `--no-${flag.slice(2)}`];
  if (name === "kv_transfer_config" && typeof value === "object") {
    const why = "upstream takes it as text";
    const text = JSON.stringify(value);
    problems.push(warningAt(originAt(key), { what: `Write ${name} as text`, why, fix: `${name}: '${text}'` }));
    return [flag, text];
  }
  return [flag, typeof value === "object" ? JSON.stringify(value) : String(value)];
}

function extraWords(params: YAMLMap | null, { originAt, problems }: PdjobReading): readonly EngineArgument[] {
  const node = params?.get(extraKey, true) as Node | undefined;
  const text = isScalar(node) && node.value !== null ? String(node.value) : "";
  if (node === undefined || text === "") return [];
  const origin = originAt(node);
  const words = splitShellWords(text);
  if (words !== null) return serveArguments(words.map((word) => ({ text: word, origin })));
  const why = "a quote is opened and not closed";
  problems.push(errorAt(origin, { what: `Cannot split ${extraKey} into words`, why, fix: "close the quote" }));
  return [];
}
