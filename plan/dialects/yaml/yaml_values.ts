// A YAML value of one setting, as the text a flag would carry.

import { isMap, isScalar, isSeq, type Node } from "yaml";
import type { Setting, SettingKey } from "../../settings.ts";

export type SettingTexts =
  | { readonly is: "texts"; readonly texts: readonly string[] }
  | { readonly is: "wrong"; readonly why: string; readonly example: string };

/** Several texts only for a list. */
export function settingTexts(node: Node, setting: Setting, key: SettingKey): SettingTexts {
  const example = exampleFor(setting);
  switch (setting.kind) {
    case "json":
      return isMap(node) ? one(JSON.stringify(node.toJSON())) : wrong("it must be a map", example);
    case "list":
      if (isSeq(node)) return { is: "texts", texts: node.items.map((item) => scalarText(item) ?? "") };
      break;
    case "switch":
      if (!isScalar(node) || typeof node.value !== "boolean") return wrong("it must be true or false", example);
      break;
    case "text":
      // `gpus: [0, 1]` and `gpus: [[0, 1], [2, 3]]` read better in a file than their flag's text.
      if (isSeq(node) && (key === "prefillGpus" || key === "decodeGpus")) return one(gpuText(node.toJSON()));
  }
  const text = scalarText(node);
  return text === null ? wrong("it must be a single value", example) : one(text);
}

function one(text: string): SettingTexts {
  return { is: "texts", texts: [text] };
}

function wrong(why: string, example: string): SettingTexts {
  return { is: "wrong", why, example };
}

/** As written, so that `1e3` or `0x10` is refused in the file as on the command line. */
function scalarText(node: unknown): string | null {
  if (!isScalar(node)) return null;
  return typeof node.value === "number" && node.source !== undefined ? node.source : String(node.value);
}

function gpuText(list: unknown): string {
  const items = Array.isArray(list) ? list : [list];
  const between = items.some(Array.isArray) ? ";" : ",";
  return items.map((item) => Array.isArray(item) ? item.join(",") : String(item)).join(between);
}

function exampleFor(setting: Setting): string {
  if (setting.kind === "json") return "{ key: value }";
  if (setting.kind === "list") return "[http://127.0.0.1:8100]";
  return setting.choices?.[0] ?? setting.default ?? setting.hint ?? "VALUE";
}
