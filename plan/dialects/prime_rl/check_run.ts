// What PRIME-RL refuses before a run: clients that move, and weights sent by NCCL where ranks would not fit.

import type { Problem } from "../../problem.ts";
import { errorAt, warningAt } from "../tell.ts";
import { find, findFirst, plainOf, type TomlTable } from "../toml/toml_tree.ts";
import type { TomlValues } from "../toml/toml_values.ts";

export function checkPrimeRun(
  tree: TomlTable,
  values: TomlValues,
  tps: { readonly prefill: number; readonly decode: number },
): readonly Problem[] {
  return [...elasticClient(tree), ...trainersGpus(values), ...ncclBroadcast(tree, values, tps)];
}

function elasticClient(tree: TomlTable): Problem[] {
  const elastic = find(tree, "orchestrator.client.elastic");
  return elastic === null || plainOf(elastic) === null ? [] : [errorAt(elastic.origin, {
    what: "Leave out orchestrator.client.elastic",
    why: "with [pd_disagg] the orchestrator knows one address, the router's",
    fix: "remove it",
  })];
}

/** Not checked upstream: two processes would share a GPU's memory. */
function trainersGpus(values: TomlValues): Problem[] {
  const trainer = values.ids("trainer_gpu_ids");
  const serving = ["prefill", "decode"].flatMap((role) => values.ids(`pd_disagg.${role}_gpu_ids`)?.value ?? []);
  const both = trainer?.value.filter((id) => serving.includes(id)) ?? [];
  return trainer === null || both.length === 0 ? [] : [warningAt(trainer.origin, {
    what: `${both.length === 1 ? "GPU" : "GPUs"} ${both.join(", ")} also belong to the trainer`,
    why: "trainer and worker would share the memory",
    fix: "trainer_gpu_ids of its own",
  })];
}

function ncclBroadcast(
  tree: TomlTable,
  values: TomlValues,
  { prefill, decode }: { readonly prefill: number; readonly decode: number },
): Problem[] {
  const places = ["weight_broadcast.type", "inference.weight_broadcast.type", "orchestrator.weight_broadcast.type"];
  const type = findFirst(tree, ...places);
  if (type === null) return [];
  const kind = plainOf(type);
  if (kind !== "nccl" && kind !== "filesystem") {
    const what = `weight_broadcast.type cannot be ${JSON.stringify(kind)}`;
    return [errorAt(type.origin, { what, why: "it is filesystem or nccl", fix: 'type = "filesystem"' })];
  }
  if (kind !== "nccl") return [];
  const problems: Problem[] = [];
  const refuse = (what: string, why: string, fix: string, origin = type.origin) =>
    problems.push(errorAt(origin, { what, why, fix }));
  if (prefill !== decode) {
    const why = "the trainer gives each server the same number of ranks";
    const origin = findFirst(tree, "pd_disagg.decode_tp", "pd_disagg.prefill_tp")?.origin;
    const what = `NCCL weight broadcast needs equal TP, not ${prefill} for prefill and ${decode} for decode`;
    refuse(what, why, `decode_tp = ${prefill}, or weight_broadcast.type = "filesystem"`, origin);
  }
  const level = values.whole("orchestrator.max_async_level", 0) ?? values.whole("max_async_level", 0);
  if (level !== null && level.value !== 1) {
    const what = `NCCL weight broadcast needs max_async_level 1, not ${level.value}`;
    refuse(what, "weights go out in step with the trainer", "max_async_level = 1", level.origin);
  }
  const lora = findFirst(tree, "inference.enable_lora", "trainer.model.lora", "trainer.model.experimental.lora");
  if (lora !== null && plainOf(lora) !== false) {
    const what = "NCCL weight broadcast does not send LoRA adapters";
    refuse(what, "it broadcasts whole weights", 'weight_broadcast.type = "filesystem"', lora.origin);
  }
  return problems;
}
