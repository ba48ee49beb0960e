// SGLang's names for engine settings, said to vLLM. Upstream vime passes them on to nobody without a word.

/** What becomes of one setting: flags for vLLM, perhaps a remark on how they differ; or why there is nothing to say. */
export type Translated =
  | { readonly is: "flags"; readonly flags: Readonly<Record<string, unknown>>; readonly remark?: string }
  | { readonly is: "nothing"; readonly why: string };

/** Null for what is no SGLang name, so that vLLM's own names pass. A value of `null` is never asked about. */
export function translateSglang(name: string, value: unknown): Translated | null {
  const nothing = hasNoTwin[name] ?? (/^disaggregation_/.test(name) ? "the connector decides it" : undefined);
  if (nothing !== undefined) return { is: "nothing", why: nothing };
  if (/^speculative_/.test(name) && name !== "speculative_config") {
    return { is: "nothing", why: "vLLM takes speculative_config, one JSON for all of it" };
  }
  return table[name]?.(value) ?? null;
}

const flags = (set: Readonly<Record<string, unknown>>, remark?: string): Translated => ({
  is: "flags",
  flags: set,
  ...(remark === undefined ? {} : { remark }),
});

const table: Readonly<Record<string, (value: unknown) => Translated>> = {
  mem_fraction_static: (share) =>
    flags(
      { gpu_memory_utilization: share },
      "SGLang counts weights and KV, vLLM all it uses; the same share is the nearest",
    ),
  chunked_prefill_size: (tokens) =>
    Number(tokens) < 0
      ? flags({ enable_chunked_prefill: false })
      : flags({ max_num_batched_tokens: tokens }, "vLLM cuts prompts by the tokens of one step"),
  max_prefill_tokens: (tokens) => flags({ max_num_batched_tokens: tokens }, "vLLM has one limit for a step's tokens"),
  context_length: (tokens) => flags({ max_model_len: tokens }),
  max_running_requests: (count) => flags({ max_num_seqs: count }),
  pp_size: (size) => flags({ pipeline_parallel_size: size }),
  dp_size: (size) => flags({ data_parallel_size: size }),
  ep_size: (size) => flags(Number(size) > 1 ? { enable_expert_parallel: true } : {}, "vLLM works the size out itself"),
  disable_radix_cache: (off) => flags({ enable_prefix_caching: off !== true }),
  disable_cuda_graph: (off) => flags(off === true ? { enforce_eager: true } : {}),
  cuda_graph_max_bs: (size) => flags({ max_cudagraph_capture_size: size }),
  page_size: (tokens) => flags({ block_size: tokens }),
  random_seed: (seed) => flags({ seed }),
  enable_memory_saver: (on) => flags(on === true ? { enable_sleep_mode: true } : {}),
};

/** Settings whose effect vLLM has of itself, has elsewhere, or has not. */
const hasNoTwin: Readonly<Record<string, string>> = {
  enable_torch_compile: "vLLM compiles unless told --enforce-eager",
  enable_deterministic_inference: "vLLM takes it from the environment: VLLM_BATCH_INVARIANT=1",
  enable_dp_attention: "vLLM's data parallel workers each attend by themselves",
  load_balance_method: "the router chooses the worker",
  prefill_round_robin_balance: "the router chooses the worker",
  skip_server_warmup: "pdserve proves the handoff in its place",
  schedule_policy: "vLLM orders requests by --scheduling-policy fcfs or priority",
  schedule_conservativeness: "vLLM has no such setting",
  enable_metrics: "vLLM always has metrics",
  cuda_graph_backend_prefill: "vLLM has no such setting",
  enable_hierarchical_cache: "vLLM offloads by a connector",
  encoder_only: "the plan wires encoder workers itself",
  language_only: "the plan wires encoder workers itself",
  encoder_urls: "the plan wires encoder workers itself",
};
