// `[inference]` beside `[pd_disagg]`: vLLM's arguments under names of their own, for both roles.

import { nearestName } from "../../../kv/nearest_name.ts";
import type { Problem } from "../../problem.ts";
import type { EngineArgument, Sourced } from "../../spec.ts";
import { all2allArgument } from "./all2all.ts";
import { errorAt, warningAt } from "../tell.ts";
import { findTable, plainOf, type TomlTable } from "../toml/toml_tree.ts";
import type { TomlValues } from "../toml/toml_values.ts";
import { flagWords } from "../flag_words.ts";

export interface InferenceArguments {
  readonly model: Sourced<string> | null;
  readonly both: readonly EngineArgument[];
  /** Of `inference.kv_transfer_config`, which `[pd_disagg]` otherwise replaces. */
  readonly connectorExtra: Sourced<Readonly<Record<string, unknown>>> | null;
}

/** Told by vLLM in the same words, and by `[inference.model]` without its first. */
const modelKeys = [
  ...["dtype", "max_model_len", "enforce_eager", "trust_remote_code", "enable_auto_tool_choice"],
  ...["tool_call_parser", "reasoning_parser", "rope_scaling"],
];
const engineKeys = [
  ...["enable_lora", "max_loras", "max_cpu_loras", "max_lora_rank", "enable_prefix_caching"],
  ...["gpu_memory_utilization", "api_server_count", "seed", "enable_expert_parallel", "enable_eplb"],
];
const readElsewhere = ["server", "parallel", "model", "all2all_backend", "weight_broadcast", "kv_transfer_config"];

export function inferenceArguments(tree: TomlTable, values: TomlValues, problems: Problem[]): InferenceArguments {
  const inference = findTable(tree, "inference");
  const model = values.text("inference.model.name") ?? values.text("model.name");
  if (inference === null) return { model, both: [], connectorExtra: null };
  const both = [
    ...argumentsOf(inference, engineKeys, [...engineKeys, ...readElsewhere], "[inference]", problems),
    ...argumentsOf(findTable(inference, "model"), modelKeys, [...modelKeys, "name"], "[inference.model]", problems),
    ...all2allArgument(values, "inference.all2all_backend", problems),
    { words: ["--logprobs-mode", "processed_logprobs"], origin: inference.origin },
  ];
  problems.push(...dataParallel(values));
  const extra = findTable(inference, "kv_transfer_config.kv_connector_extra_config");
  const connectorExtra = extra === null
    ? null
    : { value: plainOf(extra) as Readonly<Record<string, unknown>>, origin: extra.origin };
  return { model, both, connectorExtra };
}

function argumentsOf(
  table: TomlTable | null,
  passed: readonly string[],
  known: readonly string[],
  where: string,
  problems: Problem[],
): EngineArgument[] {
  const args: EngineArgument[] = [];
  for (const [key, node] of table?.members ?? []) {
    const plain = plainOf(node);
    if (passed.includes(key) && plain !== null) args.push({ words: flagWords(key, plain), origin: node.origin });
    if (known.includes(key)) continue;
    const meant = nearestName(key, known);
    // A slip is certain to be wrong; another key may be one that a branch of PRIME-RL has.
    problems.push(
      meant === null
        ? warningAt(node.origin, {
          what: `Ignore the key "${key}" in ${where}`,
          why: "pdserve knows no flag of the engine for it",
          fix: "its flag after -- on the line, where it has one",
        })
        : errorAt(node.origin, { what: `Unknown key "${key}" in ${where}`, why: "no such key is known", fix: meant }),
    );
  }
  return args;
}

/** Upstream forces it too: more workers, not larger ones. */
function dataParallel(values: TomlValues): Problem[] {
  const dp = values.whole("inference.parallel.dp");
  return dp === null || dp.value === 1 ? [] : [warningAt(dp.origin, {
    what: `Leave out inference.parallel.dp = ${dp.value}`,
    why: "with [pd_disagg] each worker has dp 1, and more GPUs make more workers",
    fix: "dp = 1",
  })];
}
