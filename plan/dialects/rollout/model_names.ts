// Which models a vime or slime topology file lists, for `--model-entry all`.

import { isMap, isSeq } from "yaml";
import { readYaml } from "../yaml/yaml_document.ts";

/** What `--model-entry` says to serve every model of the file. */
export const everyModel = "all";

/** In the order of the file; empty where it is not such a file, which its dialect tells when it reads it. */
export function modelNames(key: "vllm" | "sglang", text: string, path: string): readonly string[] {
  const { root } = readYaml(text, path);
  const list = isMap(root) ? root.get(key, true) : undefined;
  if (!isSeq(list)) return [];
  return list.items.flatMap((item) => {
    const name = isMap(item) ? item.get("name") : undefined;
    return typeof name === "string" && name !== "" ? [name] : [];
  });
}
