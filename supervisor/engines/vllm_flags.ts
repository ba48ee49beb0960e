// vLLM's flags as pdserve treats them: which pass without `--`, which the plan alone may set, which must agree.
// Source: `vllm serve --help=all` of 0.32.0, and the flags of earlier versions that people still type.

/** Flags people type by habit; all others pass after `--`. */
export const commonFlags: Readonly<Record<string, "value" | "switch">> = {
  ...asValues(
    ...["--max-model-len", "--gpu-memory-utilization", "--kv-cache-memory-bytes", "--kv-cache-dtype", "--block-size"],
    ...["--max-num-seqs", "--max-num-batched-tokens", "--max-num-queued-reqs", "--max-num-queued-tokens"],
    ...["--dtype", "--quantization", "-q", "--load-format", "--revision", "--code-revision", "--download-dir"],
    ...["--tokenizer", "--tokenizer-mode", "--tokenizer-revision", "--hf-token", "--hf-overrides", "--hf-config-path"],
    ...["--config-format", "--seed", "--generation-config", "--override-generation-config", "--limit-mm-per-prompt"],
    ...["--pipeline-parallel-size", "-pp", "--data-parallel-size", "-dp", "--all2all-backend", "--eplb-config"],
    ...["--speculative-config", "-sc", "--compilation-config", "-cc", "--attention-backend", "--lora-dtype"],
    ...["--cudagraph-capture-sizes", "--max-cudagraph-capture-size", "--performance-mode", "--optimization-level"],
    ...["--reasoning-parser", "--tool-call-parser", "--tool-parser-plugin", "--chat-template"],
    ...["--chat-template-content-format", "--default-chat-template-kwargs", "--response-role"],
    ...["--lora-modules", "--max-loras", "--max-lora-rank", "--max-cpu-loras"],
    ...["--cpu-offload-gb", "--swap-space", "--scheduling-policy", "--long-prefill-token-threshold"],
    ...["--prefix-caching-hash-algo", "--logprobs-mode", "--max-logprobs", "--shutdown-timeout", "--max-log-len"],
    ...["--uvicorn-log-level", "--disable-access-log-for-endpoints", "--otlp-traces-endpoint"],
    ...["--api-server-count", "-asc", "--distributed-executor-backend", "--max-parallel-loading-workers"],
    ...["--model-loader-extra-config", "--mm-processor-kwargs", "--mm-processor-cache-gb", "--additional-config"],
    ...["--kv-events-config", "--ec-transfer-config", "--worker-extension-cls", "--allowed-local-media-path"],
  ),
  ...asSwitches(
    ...["--trust-remote-code", "--enforce-eager", "--enable-prefix-caching", "--enable-chunked-prefill"],
    ...["--enable-expert-parallel", "-ep", "--enable-eplb", "--enable-lora", "--enable-auto-tool-choice"],
    ...["--enable-log-requests", "--enable-log-outputs", "--disable-uvicorn-access-log", "--language-model-only"],
    ...["--async-scheduling", "--disable-custom-all-reduce", "--disable-hybrid-kv-cache-manager"],
    ...["--enable-prompt-tokens-details", "--enable-per-request-metrics", "--enable-force-include-usage"],
    ...["--enable-server-load-tracking", "--enable-request-id-headers", "--kv-cache-metrics", "--skip-tokenizer-init"],
    ...["--enable-sleep-mode", "--enable-scale-out", "--disable-sliding-window", "--enable-dbo"],
    ...["--fail-on-environ-validation", "--return-tokens-as-token-ids", "--enable-tokenizer-info-endpoint"],
  ),
};

const loopbackOnly = "workers listen on loopback, where only the router talks to them";
const oneBox = "pdserve plans one machine, each worker a server of its own";

/** Flags that would contradict the plan → why, to be read after "--x is set by pdserve:". */
export const ownedFlags: Readonly<Record<string, string>> = {
  "--host": loopbackOnly,
  "--port": "each worker gets a port of its own from the plan; --port before -- is the router's",
  "--uds": "the router reaches workers by TCP port",
  "--root-path": "the router calls each worker at its root",
  "--ssl-keyfile": loopbackOnly,
  "--ssl-certfile": loopbackOnly,
  "--ssl-ca-certs": loopbackOnly,
  "--api-key": "workers get a key made for the run; pdserve --api-key is the clients'",
  "--model": "MODEL is pdserve's own argument",
  "--model-tag": "MODEL is pdserve's own argument",
  "--served-model-name": "the router and all workers must use one name: pdserve --served-model-name NAME",
  "--config": "a file of vLLM arguments may hold flags of the plan; put them under `args:` in pdserve.yaml",
  "--kv-transfer-config": "the connector writes it; add members of your own with --kv-extra-config",
  "--tensor-parallel-size": "it decides how many GPUs a worker gets: --tp, --prefill-tp or --decode-tp",
  "-tp": "it decides how many GPUs a worker gets: --tp, --prefill-tp or --decode-tp",
  "--device-ids": "each worker sees only the GPUs the plan gave it",
  "--data-parallel-rank": oneBox,
  "--data-parallel-start-rank": oneBox,
  "--data-parallel-size-local": oneBox,
  "--data-parallel-address": oneBox,
  "--data-parallel-rpc-port": oneBox,
  "--data-parallel-external-lb": oneBox,
  "--data-parallel-hybrid-lb": oneBox,
  "--data-parallel-multi-port-external-lb": oneBox,
  "--data-parallel-supervisor-port": oneBox,
  "--headless": oneBox,
  "--nnodes": oneBox,
  "--node-rank": oneBox,
  "--master-addr": oneBox,
  "--master-port": oneBox,
  "--disable-log-stats": "without vLLM's counters nothing can prove that KV moved",
};

/**
 * Flags that shape the KV cache or the model: a decode worker that differs reads blocks it cannot use, or refuses them.
 * `--max-model-len` is among them because a request that only one side accepts fails half-way.
 */
export const sharedFlags: readonly string[] = [
  ...["--block-size", "--kv-cache-dtype", "--dtype", "--max-model-len", "--quantization", "--attention-backend"],
  ...["--revision", "--tokenizer", "--tokenizer-revision", "--hf-overrides", "--skip-tokenizer-init"],
  ...["--disable-hybrid-kv-cache-manager", "--disable-sliding-window", "--prefix-caching-hash-algo"],
];

/** Whether an argument list sets a long flag. vLLM reads `_` as `-`, takes `--flag=value`, `--no-flag` and dotted keys. */
export function setsFlag(args: readonly string[], flag: string): boolean {
  return args.some((word) => {
    if (!word.startsWith("--")) return false;
    const name = word.split(/[=.]/, 1)[0]?.replaceAll("_", "-");
    return name === flag || name === flag.replace(/^--/, "--no-");
  });
}

function asValues(...names: string[]): Record<string, "value"> {
  return Object.fromEntries(names.map((name) => [name, "value" as const]));
}

function asSwitches(...names: string[]): Record<string, "switch"> {
  return Object.fromEntries(names.map((name) => [name, "switch" as const]));
}
