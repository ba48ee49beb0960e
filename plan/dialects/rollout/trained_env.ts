// Variables that vime and slime set on every engine that a trainer talks to. The user's own stay as they are.

import type { EngineVariable } from "../../spec.ts";
import type { ModelEntry } from "./model_entry.ts";

/** vLLM's routes for trainers, and NCCL that can join the trainer's group. */
const vime = { VLLM_SERVER_DEV_MODE: "1", NCCL_CUMEM_ENABLE: "0" } as const;

/**
 * slime's: kernels are not compiled ahead for shapes that may never come, memory may be unlike between ranks and be given back,
 * and /health makes no token of its own. The check for unlike memory is turned off under its older name and today's.
 */
const slime = {
  SGLANG_JIT_DEEPGEMM_PRECOMPILE: "false",
  SGLANG_JIT_DEEPGEMM_FAST_WARMUP: "true",
  SGLANG_DISABLE_TP_MEMORY_INBALANCE_CHECK: "true",
  SGLANG_ENABLE_TP_MEMORY_INBALANCE_CHECK: "false",
  SGLANG_MEMORY_SAVER_CUDA_GRAPH: "true",
  SGLANG_BATCH_INVARIANT_OPS_ENABLE_MM_FALLBACK_VARIANT: "true",
  SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION: "false",
  SGLANG_ENABLE_STRICT_MEM_CHECK_DURING_IDLE: "false",
} as const;

export function forTrainer(
  tool: { readonly name: "vime" | "slime"; readonly key: "vllm" | "sglang" },
  { updatesWeights, origin }: ModelEntry,
  engine: "vllm" | "sglang",
  env: Readonly<Record<string, string | undefined>>,
): readonly EngineVariable[] {
  if (updatesWeights === false || tool.key !== engine) return [];
  return Object.entries(tool.name === "vime" ? vime : slime)
    .filter(([name]) => env[name] === undefined)
    .map(([name, value]) => ({ name, value, origin }));
}
