// `overrides` of a server group in the engine's words: its own names as they are, the other engine's translated, each translation told.

import { isMap, isScalar, type Node } from "yaml";
import type { Problem } from "../../problem.ts";
import type { EngineArgument, Origin, Sourced } from "../../spec.ts";
import type { RolloutReading } from "./reading.ts";
import { type Translated, translateSglang } from "./sglang_names.ts";
import { sglangWords, translateVllm } from "./vllm_names.ts";
import { shownValue } from "../shown_value.ts";
import { errorAt, warningAt } from "../tell.ts";
import { flagWords } from "../flag_words.ts";

export interface Overrides {
  readonly args: readonly EngineArgument[];
  readonly tp: number | null;
  readonly model: Sourced<string> | null;
}

type Draft = { args: EngineArgument[]; tp: number | null; model: Sourced<string> | null };

export function groupOverrides(node: Node | null, reading: RolloutReading): Overrides {
  const { originAt, problems, speaks } = reading;
  const found: Draft = { args: [], tp: null, model: null };
  if (node === null || (isScalar(node) && node.value === null)) return found;
  if (!isMap(node)) {
    const said = {
      what: `"overrides" must hold engine settings`,
      why: "it is not a map",
      fix: "overrides: { max_num_seqs: 64 }",
    };
    problems.push(errorAt(originAt(node), said));
    return found;
  }
  const names = new Set(node.items.map(({ key }) => nameOf(key)));
  for (const { key, value } of node.items) {
    const [name, plain] = [nameOf(key), (value as Node | null)?.toJSON() ?? null];
    // Of SGLang's two limits the chunk is the smaller one, and the one that counts.
    const outdone = speaks === "vllm" && name === "max_prefill_tokens" && names.has("chunked_prefill_size");
    if (plain !== null && !outdone) readOverride(name, plain, originAt(key as Node), found, reading);
  }
  return found;
}

function nameOf(key: unknown): string {
  return String(isScalar(key) ? key.value : key).replace(/^-+/, "").replaceAll("-", "_");
}

function readOverride(
  name: string,
  value: unknown,
  origin: Origin,
  found: Draft,
  { problems, speaks }: RolloutReading,
): void {
  if (name === "model_path" || name === "model") {
    found.model = { value: String(value), origin };
    return;
  }
  if (name === "tp_size" || name === "tensor_parallel_size") {
    if (Number.isInteger(value) && Number(value) > 0) found.tp = Number(value);
    else problems.push(errorAt(origin, { ...wholeNumber, what: `${name} cannot be ${shownValue(value)}` }));
    return;
  }
  const translated = speaks === "vllm" ? translateSglang(name, value) : translateVllm(name, value);
  const wordsOf = speaks === "vllm" ? flagWords : sglangWords;
  const flags = translated === null ? { [name]: value } : translated.is === "flags" ? translated.flags : {};
  const words = Object.entries(flags).map(([flag, set]) => wordsOf(flag, set)).filter((each) => each.length > 0);
  found.args.push(...words.map((each) => ({ words: each, origin })));
  if (translated !== null) problems.push(told(name, value, translated, words.flat().join(" "), origin, speaks));
}

const wholeNumber = { why: "it must be a whole number from 1", fix: "tensor_parallel_size: 2" };

function told(
  name: string,
  value: unknown,
  translated: Translated,
  words: string,
  origin: Origin,
  speaks: RolloutReading["speaks"],
): Problem {
  if (translated.is === "nothing") {
    return warningAt(origin, { what: `Leave out ${name}`, why: translated.why, fix: `remove ${name} from overrides` });
  }
  const own = Object.entries(translated.flags).map(([flag, set]) => `${flag}: ${JSON.stringify(set)}`).join(", ");
  const [mine, other] = speaks === "vllm" ? ["vLLM", "SGLang"] : ["SGLang", "vLLM"];
  return warningAt(origin, {
    what: words === "" ? `Nothing to say for ${name}: ${shownValue(value)}` : `Read ${name} as ${words}`,
    why: translated.remark ?? `${name} is ${other}'s name for it`,
    fix: own === "" ? `remove ${name} from overrides` : `${own}, in ${mine}'s own words`,
  });
}
