// The metric families of vLLM 0.32 in the order /metrics prints them: names, types, label values, buckets (golden
// transcripts). Help texts are this project's own.

export interface Family {
  readonly name: string;
  readonly kind: "counter" | "gauge" | "histogram";
  readonly help: string;
  /** One extra label and its values, all present from the start. */
  readonly label?: { readonly name: string; readonly values: readonly string[] };
  readonly buckets?: readonly number[];
  /** Printed only for engines with that kind of connector. */
  readonly only?: "nixl" | "consumer";
  /** Without the `engine` label. */
  readonly wholeServer?: true;
}

const XFER = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 5];
const BYTES = [11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31, 33].map((power) => 2 ** power);
const DESCRIPTORS = [10, 20, 30, 50, 75, 100, 200, 400, 1000, 2000, 4000, 10000, 20000, 50000];
const STEP_TOKENS = [1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384];
const TTFT = [
  ...[0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80],
  ...[160, 640, 2560],
];
const TOKEN_GAP = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80];
const LATENCY = [
  ...[0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680],
];

export function vllmFamilies(maxModelLen: number): readonly Family[] {
  const tokens = tokenBuckets(maxModelLen);
  return [
    ...nixlFamilies(),
    ...stateFamilies(),
    ...cacheFamilies(),
    ...requestFamilies(tokens),
    ...timeFamilies(tokens),
  ];
}

/** 1, 2, 5, 10, … up to the context length, vLLM's `build_1_2_5_buckets`. */
function tokenBuckets(most: number): readonly number[] {
  const buckets: number[] = [];
  for (let scale = 1; scale <= most; scale *= 10) {
    for (const step of [1, 2, 5]) if (step * scale <= most) buckets.push(step * scale);
  }
  return buckets;
}

function nixlFamilies(): readonly Family[] {
  return [
    { ...histogram("nixl_xfer_time_seconds", "seconds a NIXL transfer took", XFER), only: "nixl" },
    { ...histogram("nixl_post_time_seconds", "seconds to post a NIXL transfer", [0.001, ...XFER]), only: "nixl" },
    { ...histogram("nixl_bytes_transferred", "bytes a NIXL transfer moved", BYTES), only: "nixl" },
    { ...histogram("nixl_num_descriptors", "descriptors of a NIXL transfer", DESCRIPTORS), only: "nixl" },
    { ...counter("nixl_num_failed_transfers", "failed transfers, handshakes and notifications"), only: "nixl" },
    { ...counter("nixl_num_failed_notifications", "failed notifications"), only: "nixl" },
    { ...counter("nixl_num_kv_expired_reqs", "requests whose KV lease ran out, on the producer"), only: "nixl" },
    { ...counter("nixl_num_notifications_after_expiry", "notifications for unknown requests"), only: "nixl" },
  ];
}

function stateFamilies(): readonly Family[] {
  return [
    counter("estimated_flops_per_gpu", "estimated operations, with MFU metrics on"),
    counter("estimated_read_bytes_per_gpu", "estimated bytes read, with MFU metrics on"),
    counter("estimated_write_bytes_per_gpu", "estimated bytes written, with MFU metrics on"),
    gauge("num_requests_running", "requests in the running batch"),
    gauge("num_requests_waiting", "requests not running yet"),
    gauge("num_requests_waiting_by_reason", "waiting requests by reason", "reason", ["capacity", "deferred"]),
    {
      ...gauge("num_requests_kv_fetch_by_stage", "waiting requests by stage of their KV load", "stage", [
        "waiting_to_start",
        "in_progress",
        "completed_waiting",
      ]),
      only: "consumer",
    },
    gauge("engine_sleep_state", "1 for the state the engine is in", "sleep_state", [
      "awake",
      "weights_offloaded",
      "discard_all",
    ]),
    gauge("kv_cache_usage_perc", "share of KV blocks in use, 0 to 1"),
  ];
}

function cacheFamilies(): readonly Family[] {
  return [
    counter("prefix_cache_queries", "tokens looked up in the prefix cache"),
    counter("prefix_cache_hits", "tokens found in the prefix cache"),
    counter("external_prefix_cache_queries", "tokens looked up through the KV connector"),
    counter("external_prefix_cache_hits", "tokens found through the KV connector"),
    counter("mm_cache_queries", "items looked up in the multimodal cache"),
    counter("mm_cache_hits", "items found in the multimodal cache"),
    counter("num_preemptions", "preempted requests"),
    counter("prompt_tokens", "prompt tokens processed"),
    counter("prompt_tokens_by_source", "prompt tokens by where their KV came from", "source", [
      "local_compute",
      "local_cache_hit",
      "external_kv_transfer",
    ]),
    counter("prompt_tokens_cached", "prompt tokens not computed here"),
    counter("prompt_tokens_cached_by_source", "cached prompt tokens by cache tier, at admission", "source", [
      "device",
      "host",
      "p2p",
      "disk",
      "external_unspecified",
    ]),
    counter("generation_tokens", "generated tokens"),
  ];
}

function requestFamilies(tokens: readonly number[]): readonly Family[] {
  return [
    counter("request_success", "finished requests", "finished_reason", [
      "stop",
      "length",
      "abort",
      "error",
      "repetition",
    ]),
    {
      ...counter("admission_rejections", "requests refused by a queue limit", "reason", [
        "max_num_queued_reqs",
        "max_num_queued_tokens",
      ]),
      wholeServer: true,
    },
    histogram("request_prompt_tokens", "prompt tokens of a request", tokens),
    histogram("request_generation_tokens", "generated tokens of a request", tokens),
    histogram("iteration_tokens_total", "tokens of an engine step", STEP_TOKENS),
    histogram("request_max_num_generation_tokens", "most tokens a request asked for", tokens),
    histogram("request_params_n", "parameter n", [1, 2, 5, 10, 20]),
    histogram("request_params_max_tokens", "parameter max_tokens", tokens),
  ];
}

function timeFamilies(tokens: readonly number[]): readonly Family[] {
  return [
    histogram("time_to_first_token_seconds", "arrival to first token", TTFT),
    histogram("inter_token_latency_seconds", "gap between tokens", TOKEN_GAP),
    histogram("request_time_per_output_token_seconds", "mean gap between tokens of a request", TOKEN_GAP),
    histogram("e2e_request_latency_seconds", "arrival to last token", LATENCY),
    histogram("request_queue_time_seconds", "arrival to running", LATENCY),
    histogram("request_inference_time_seconds", "running to last token", LATENCY),
    histogram("request_prefill_time_seconds", "running to first token", LATENCY),
    histogram("request_decode_time_seconds", "first to last token", LATENCY),
    histogram("request_num_preemptions", "preemptions of a request", [1, 2, 3, 4, 5, 10, 20]),
    histogram("request_prefill_kv_computed_tokens", "prompt tokens not in the prefix cache", tokens),
  ];
}

function counter(name: string, help: string, label?: string, values?: readonly string[]): Family {
  return labelled({ name: `vllm:${name}`, kind: "counter", help }, label, values);
}

function gauge(name: string, help: string, label?: string, values?: readonly string[]): Family {
  return labelled({ name: `vllm:${name}`, kind: "gauge", help }, label, values);
}

function labelled(family: Family, label: string | undefined, values: readonly string[] | undefined): Family {
  return label && values ? { ...family, label: { name: label, values } } : family;
}

function histogram(name: string, help: string, buckets: readonly number[]): Family {
  return { name: `vllm:${name}`, kind: "histogram", help, buckets };
}
