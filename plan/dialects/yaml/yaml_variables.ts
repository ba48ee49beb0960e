// Environment variables in YAML: a map of names to single values.

import { isMap, isScalar, type Node } from "yaml";
import type { EngineVariable, Origin } from "../../spec.ts";

export type Variables =
  | { readonly is: "variables"; readonly list: readonly EngineVariable[] }
  | { readonly is: "wrong"; readonly why: string; readonly at: Node };

/** Numbers and truth values as they are written: `1`, `0x10` and `true` stay what they look like. */
export function variables(node: Node, originAt: (node: Node) => Origin): Variables {
  if (!isMap(node)) return { is: "wrong", why: "it must be a map of names to values", at: node };
  const list: EngineVariable[] = [];
  for (const { key, value } of node.items) {
    if (!isScalar(key)) continue;
    const name = String(key.value);
    if (!isScalar(value) || value.value === null) {
      return { is: "wrong", why: `${name} must have a single value; "" is the empty one`, at: key };
    }
    const text = typeof value.value === "string" ? value.value : value.source ?? String(value.value);
    list.push({ name, value: text, origin: originAt(key) });
  }
  return { is: "variables", list };
}
