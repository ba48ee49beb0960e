// The flags of `vllm serve` that a command line may carry, by how they take values. Names as in vLLM 0.32, with `-`.

/** Exactly one value. */
export const valueFlags = words(`
  model host port uds root-path log-config-file uvicorn-log-level ssl-keyfile ssl-certfile ssl-ca-certs ssl-cert-reqs
  chat-template chat-template-content-format response-role tool-call-parser tool-parser-plugin reasoning-parser
  reasoning-parser-plugin max-log-len api-server-count h11-max-incomplete-event-size h11-max-header-count
  tool-server fingerprint-mode fingerprint config stream-interval
  dtype max-model-len block-size max-num-seqs max-num-batched-tokens gpu-memory-utilization kv-cache-memory-bytes
  kv-cache-memory kv-cache-dtype num-gpu-blocks-override swap-space cpu-offload-gb load-format download-dir quantization
  tokenizer tokenizer-mode tokenizer-revision revision code-revision hf-config-path hf-token runner convert task seed
  prefix-caching-hash-algo tensor-parallel-size pipeline-parallel-size data-parallel-size data-parallel-size-local
  data-parallel-rank data-parallel-start-rank data-parallel-address data-parallel-rpc-port data-parallel-backend
  decode-context-parallel-size prefill-context-parallel-size distributed-executor-backend master-addr master-port nnodes
  node-rank worker-cls worker-extension-cls all2all-backend expert-placement-strategy max-parallel-loading-workers
  scheduling-policy scheduler-cls scheduler-reserve-full-isl max-num-queued-reqs max-num-queued-tokens
  max-seq-len-to-capture max-logprobs logprobs-mode generation-config limit-mm-per-prompt mm-processor-cache-gb
  mm-encoder-tp-mode mm-encoder-attn-backend attention-backend max-loras max-lora-rank lora-dtype max-cpu-loras
  guided-decoding-backend optimization-level shutdown-timeout otlp-traces-endpoint collect-detailed-traces
  show-hidden-metrics-for-version kv-cache-metrics-sample kv-offloading-size kv-offloading-backend
  allowed-local-media-path mamba-cache-dtype mamba-ssm-cache-dtype mamba-block-size model-impl
  safetensors-load-strategy logits-processor-pattern io-processor-plugin renderer-num-workers elastic-ep-max-dp-size
  kv-transfer-config kv-events-config ec-transfer-config compilation-config speculative-config hf-overrides
  additional-config model-loader-extra-config override-generation-config override-pooler-config rope-scaling
  structured-outputs-config observability-config eplb-config attention-config kernel-config profiler-config
  mm-processor-kwargs media-io-kwargs default-chat-template-kwargs parallel-config cache-config pooler-config
  video-pruning-rate interleave-mm-strings`);

/** `--x` and `--no-x`. */
export const switchFlags = words(`
  enforce-eager enable-prefix-caching enable-chunked-prefill trust-remote-code enable-auto-tool-choice
  enable-prompt-tokens-details enable-request-id-headers enable-log-requests disable-log-requests disable-log-stats
  enable-log-outputs enable-log-deltas disable-uvicorn-access-log disable-fastapi-docs enable-offline-docs
  enable-server-load-tracking enable-force-include-usage enable-tokenizer-info-endpoint enable-ssl-refresh
  allow-credentials return-tokens-as-token-ids trust-request-chat-template enable-scale-out headless tokens-only grpc
  enable-lora fully-sharded-loras enable-tower-connector-lora enable-expert-parallel enable-eplb enable-dbo
  enable-elastic-ep enable-sleep-mode enable-cumem-allocator async-scheduling disable-hybrid-kv-cache-manager
  disable-sliding-window disable-cascade-attn disable-custom-all-reduce disable-mm-preprocessor-cache
  data-parallel-hybrid-lb data-parallel-external-lb data-parallel-multi-port-external-lb skip-tokenizer-init
  language-model-only mm-encoder-only enable-mm-embeds enable-prompt-embeds skip-mm-profiling kv-sharing-fast-prefill
  calculate-kv-scales disable-chunked-mm-input enable-return-routed-experts enable-mfu-metrics kv-cache-metrics
  cudagraph-metrics enable-per-request-metrics enable-fault-tolerance enable-flashinfer-autotune use-tqdm-on-load
  exclude-tools-when-tool-choice-none enable-layerwise-nvtx-tracing enable-logging-iteration-details
  disable-nccl-for-dp-synchronization ray-workers-use-nsight disable-log-request log-error-stack`);

/** One or more values, up to the next flag. */
export const listFlags = words(`
  served-model-name api-key allowed-origins allowed-methods allowed-headers middleware lora-modules
  logits-processors disable-access-log-for-endpoints allowed-media-domains cudagraph-capture-sizes
  default-mm-loras ssl-ciphers`);

export const shortFlags: Readonly<Record<string, string>> = {
  "-tp": "tensor-parallel-size",
  "-pp": "pipeline-parallel-size",
  "-dp": "data-parallel-size",
  "-dpn": "data-parallel-rank",
  "-dpr": "data-parallel-start-rank",
  "-dpl": "data-parallel-size-local",
  "-dpa": "data-parallel-address",
  "-dpp": "data-parallel-rpc-port",
  "-dpb": "data-parallel-backend",
  "-dcp": "decode-context-parallel-size",
  "-pcp": "prefill-context-parallel-size",
  "-ep": "enable-expert-parallel",
  "-q": "quantization",
  "-cc": "compilation-config",
  "-O": "optimization-level",
  "-n": "nnodes",
  "-r": "node-rank",
};

/** Flags whose value must be a whole number, checked like argparse does. */
export const wholeNumberFlags = words(`
  port max-num-seqs block-size tensor-parallel-size pipeline-parallel-size data-parallel-size
  data-parallel-rpc-port api-server-count seed`);

export const dtypes = ["auto", "bfloat16", "float", "float16", "float32", "half"];

function words(text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/));
}
