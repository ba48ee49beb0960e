// `overrides` of a server group, in vLLM's words: its own names as they are, SGLang's translated, each translation told.

import { isMap, isScalar, type Node } from "yaml";
import type { Problem } from "../../problem.ts";
import type { EngineArgument, Origin, Sourced } from "../../spec.ts";
import { translateSglang } from "./sglang_names.ts";
import { shownValue } from "../shown_value.ts";
import { errorAt, warningAt } from "../tell.ts";
import { flagWords } from "../flag_words.ts";

export interface Overrides {
  readonly args: readonly EngineArgument[];
  readonly tp: number | null;
  readonly model: Sourced<string> | null;
  readonly problems: readonly Problem[];
}

type Draft = { args: EngineArgument[]; tp: number | null; model: Sourced<string> | null; problems: Problem[] };

export function groupOverrides(node: Node | null, originAt: (node: Node) => Origin): Overrides {
  const found: Draft = { args: [], tp: null, model: null, problems: [] };
  if (node === null || (isScalar(node) && node.value === null)) return found;
  if (!isMap(node)) {
    const said = {
      what: `"overrides" must hold engine settings`,
      why: "it is not a map",
      fix: "overrides: { max_num_seqs: 64 }",
    };
    return { ...found, problems: [errorAt(originAt(node), said)] };
  }
  const names = new Set(node.items.map(({ key }) => nameOf(key)));
  for (const { key, value } of node.items) {
    const [name, plain] = [nameOf(key), (value as Node | null)?.toJSON() ?? null];
    // Of SGLang's two limits the chunk is the smaller one, and the one that counts.
    const outdone = name === "max_prefill_tokens" && names.has("chunked_prefill_size");
    if (plain !== null && !outdone) readOverride(name, plain, originAt(key as Node), found);
  }
  return found;
}

function nameOf(key: unknown): string {
  return String(isScalar(key) ? key.value : key).replace(/^-+/, "").replaceAll("-", "_");
}

function readOverride(name: string, value: unknown, origin: Origin, found: Draft): void {
  if (name === "model_path" || name === "model") {
    found.model = { value: String(value), origin };
    return;
  }
  if (name === "tp_size" || name === "tensor_parallel_size") {
    if (Number.isInteger(value) && Number(value) > 0) found.tp = Number(value);
    else found.problems.push(errorAt(origin, { ...wholeNumber, what: `${name} cannot be ${shownValue(value)}` }));
    return;
  }
  const translated = translateSglang(name, value);
  if (translated === null) {
    found.args.push({ words: flagWords(name, value), origin });
    return;
  }
  found.problems.push(told(name, value, translated, origin));
  if (translated.is === "nothing") return;
  for (const [flag, set] of Object.entries(translated.flags)) found.args.push({ words: flagWords(flag, set), origin });
}

const wholeNumber = { why: "it must be a whole number from 1", fix: "tensor_parallel_size: 2" };

function told(
  name: string,
  value: unknown,
  translated: NonNullable<ReturnType<typeof translateSglang>>,
  origin: Origin,
) {
  if (translated.is === "nothing") {
    return warningAt(origin, { what: `Leave out ${name}`, why: translated.why, fix: `remove ${name} from overrides` });
  }
  const words = Object.entries(translated.flags).flatMap(([flag, set]) => flagWords(flag, set)).join(" ");
  const own = Object.entries(translated.flags).map(([flag, set]) => `${flag}: ${JSON.stringify(set)}`).join(", ");
  return warningAt(origin, {
    what: words === "" ? `Nothing to say for ${name}: ${shownValue(value)}` : `Read ${name} as ${words}`,
    why: translated.remark ?? `${name} is SGLang's name for it`,
    fix: own === "" ? `remove ${name} from overrides` : `${own}, in vLLM's own words`,
  });
}
