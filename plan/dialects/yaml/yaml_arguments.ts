// Engine arguments in YAML: a map of flags, or a list of words.

import { isMap, isScalar, isSeq, type Node, type YAMLMap, type YAMLSeq } from "yaml";
import { splitShellWords } from "../../shell_words.ts";
import type { EngineArgument, Origin } from "../../spec.ts";
import { flagWords } from "../flag_words.ts";

export type EngineArguments =
  | { readonly is: "arguments"; readonly list: readonly EngineArgument[] }
  | { readonly is: "wrong"; readonly why: string; readonly at: Node };

type OriginAt = (node: Node) => Origin;

/**
 * `{ max-model-len: 8192, enforce-eager: true, hf-overrides: { rope_theta: 1 } }`: true is the bare flag, false its `--no-` twin,
 * a list several values, a map JSON. `["--max-model-len 8192", --enforce-eager]`: each item is read as a shell would.
 */
export function engineArguments(node: Node, originAt: OriginAt): EngineArguments {
  if (isMap(node)) return fromMap(node, originAt);
  if (isSeq(node)) return fromList(node, originAt);
  if (isScalar(node) && typeof node.value === "string") return fromText(node.value, node, originAt);
  return { is: "wrong", why: "it must be a map of flags or a list of words", at: node };
}

function fromMap(map: YAMLMap, originAt: OriginAt): EngineArguments {
  const list = map.items.flatMap(({ key, value }) => {
    if (!isScalar(key)) return [];
    const name = String(key.value).replace(/^-+/, "");
    return [{ words: flagWords(name, (value as Node | null)?.toJSON() ?? null), origin: originAt(key) }];
  });
  return { is: "arguments", list };
}

function fromList(seq: YAMLSeq, originAt: OriginAt): EngineArguments {
  const list: EngineArgument[] = [];
  for (const item of seq.items as Node[]) {
    if (!isScalar(item)) return { is: "wrong", why: "a list of arguments holds words", at: item };
    const read = fromText(String(item.value), item, originAt);
    if (read.is === "wrong") return read;
    list.push(...read.list);
  }
  return { is: "arguments", list: joinValues(list) };
}

function fromText(text: string, node: Node, originAt: OriginAt): EngineArguments {
  // A word that is JSON keeps its quotes: `--hf-overrides` and `{"a": 1}` are often two items.
  const words = /^\s*[[{]/.test(text) ? [text] : splitShellWords(text);
  if (words === null) return { is: "wrong", why: "a quote is opened and not closed", at: node };
  return { is: "arguments", list: words.length === 0 ? [] : [{ words, origin: originAt(node) }] };
}

/** A flag and its value written as two items are one argument. */
function joinValues(list: readonly EngineArgument[]): EngineArgument[] {
  const joined: EngineArgument[] = [];
  for (const argument of list) {
    const before = joined.at(-1);
    if (before === undefined || /^-{1,2}[A-Za-z]/.test(argument.words[0] ?? "")) joined.push(argument);
    else joined[joined.length - 1] = { words: [...before.words, ...argument.words], origin: before.origin };
  }
  return joined;
}
