// vLLM's names for engine settings, said to SGLang, and how SGLang's command line takes them.

import type { Translated } from "./sglang_names.ts";

/** Null for what is no name of vLLM's alone, so that SGLang's own pass. */
export function translateVllm(name: string, value: unknown): Translated | null {
  const found = table[name]?.(value);
  return found === undefined ? null : { is: "flags", flags: found };
}

const table: Readonly<Record<string, (value: unknown) => Readonly<Record<string, unknown>>>> = {
  gpu_memory_utilization: (share) => ({ mem_fraction_static: share }),
  max_num_batched_tokens: (tokens) => ({ chunked_prefill_size: tokens }),
  max_model_len: (tokens) => ({ context_length: tokens }),
  max_num_seqs: (count) => ({ max_running_requests: count }),
  pipeline_parallel_size: (size) => ({ pp_size: size }),
  data_parallel_size: (size) => ({ dp_size: size }),
  enable_prefix_caching: (on) => ({ disable_radix_cache: on === false }),
  enforce_eager: (on) => ({ disable_cuda_graph: on === true }),
  block_size: (tokens) => ({ page_size: tokens }),
  seed: (seed) => ({ random_seed: seed }),
  enable_sleep_mode: (on) => ({ enable_memory_saver: on === true }),
};

/** A switch is there or not: SGLang has no `--no-` twins. */
export function sglangWords(name: string, value: unknown): string[] {
  const flag = `--${name.replaceAll("_", "-")}`;
  if (value === true) return [flag];
  if (value === false || value === null) return [];
  const texts = Array.isArray(value) ? value : [value];
  return [flag, ...texts.map((one) => typeof one === "object" ? JSON.stringify(one) : String(one))];
}
