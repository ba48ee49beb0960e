// SGLang's flags as pdserve treats them: which pass without `--`, which the plan alone may set, which must agree.
// Source: server_args of 0.5.23.

/** Flags people type by habit; all others pass after `--`. */
export const commonFlags: Readonly<Record<string, "value" | "switch">> = {
  ...all(
    "value",
    ...["--context-length", "--mem-fraction-static", "--max-total-tokens", "--max-running-requests", "--page-size"],
    ...["--chunked-prefill-size", "--max-prefill-tokens", "--schedule-policy", "--schedule-conservativeness"],
    ...["--dtype", "--quantization", "--kv-cache-dtype", "--load-format", "--revision", "--download-dir"],
    ...["--tokenizer-path", "--tokenizer-mode", "--chat-template", "--random-seed", "--weight-version"],
    ...["--attention-backend", "--sampling-backend", "--grammar-backend", "--reasoning-parser", "--tool-call-parser"],
    ...["--pp-size", "--dp-size", "--ep-size", "--load-balance-method", "--moe-a2a-backend", "--moe-runner-backend"],
    ...["--cuda-graph-max-bs", "--cuda-graph-backend-decode", "--cuda-graph-backend-prefill", "--log-level"],
    ...["--speculative-algorithm", "--speculative-draft-model-path", "--speculative-num-steps"],
    ...["--speculative-eagle-topk", "--speculative-num-draft-tokens", "--num-reserved-decode-tokens"],
    ...["--disaggregation-ib-device", "--disaggregation-decode-polling-interval", "--watchdog-timeout"],
    ...["--encoder-transfer-backend", "--disaggregation-decode-extra-slots", "--optimistic-prefill-attempts"],
    ...["--disaggregation-decode-retraction-backup", "--disaggregation-decode-allocation-policy"],
    ...["--json-model-override-args", "--preferred-sampling-params", "--lora-paths", "--max-loras-per-batch"],
  ),
  ...all(
    "switch",
    ...["--trust-remote-code", "--skip-tokenizer-init", "--disable-radix-cache", "--disable-cuda-graph"],
    ...["--disable-overlap-schedule", "--enable-dp-attention", "--enable-dp-lm-head", "--enable-memory-saver"],
    ...["--enable-deterministic-inference", "--enable-torch-compile", "--enable-return-routed-experts"],
    ...["--disable-custom-all-reduce", "--enable-p2p-check", "--sleep-on-idle", "--log-requests", "--enable-lora"],
    ...["--enable-cache-report", "--skip-server-warmup", "--enable-hierarchical-cache", "--enable-mixed-chunk"],
    ...["--enable-adaptive-dispatch-to-encoder", "--disaggregation-enable-kv-checksum"],
    ...["--disaggregation-decode-enable-offload-kvcache", "--disaggregation-decode-enable-radix-cache"],
  ),
};

const loopbackOnly = "workers listen on loopback, where only the router talks to them";
const oneBox = "pdserve plans one machine, each worker a server of its own";
const sizesWorker = "it decides how many GPUs a worker gets: --tp, --prefill-tp or --decode-tp";
const isModel = "MODEL is pdserve's own argument";
const byRole = "the worker's role says it: --encode-gpus, or an encoder group";
const byConnector = "the connector writes it";

/** Flags that would contradict the plan → why, to be read after "--x is set by pdserve:". */
export const ownedFlags: Readonly<Record<string, string>> = {
  "--host": loopbackOnly,
  "--port": "each worker gets a port of its own from the plan; --port before -- is the router's",
  "--model-path": isModel,
  "--model": isModel,
  "--served-model-name": "the router and all workers must use one name: pdserve --served-model-name NAME",
  "--api-key": "workers listen on loopback only; pdserve --api-key is the clients'",
  "--config": "a file of SGLang arguments may hold flags of the plan; put them under `args:` in pdserve.yaml",
  "--tp-size": sizesWorker,
  "--tp": sizesWorker,
  "--tensor-parallel-size": sizesWorker,
  "--base-gpu-id": "each worker sees only the GPUs the plan gave it",
  "--gpu-id-step": "each worker sees only the GPUs the plan gave it",
  "--nnodes": oneBox,
  "--node-rank": oneBox,
  "--dist-init-addr": oneBox,
  "--disaggregation-mode": "the worker's role says it",
  "--encoder-only": byRole,
  "--language-only": byRole,
  "--encoder-urls": byRole,
  "--encoder-bootstrap-port": byRole,
  "--encoder-register-urls": byRole,
  "--disaggregation-transfer-backend": `${byConnector}: --kv-connector nixl, mooncake, mooncake_tcp or mori`,
  "--disaggregation-bootstrap-port": `${byConnector}; every prefill worker gets one of its own`,
};

/** All names that its parser knows for them. */
export const sizeFlags: Readonly<Record<string, "dp" | "pp">> = {
  "--dp-size": "dp",
  "--data-parallel-size": "dp",
  "--dp": "dp",
  "--pp-size": "pp",
  "--pipeline-parallel-size": "pp",
};

/** Flags that shape the KV cache or the model: decode checks page size and dtype of KV, the rest goes wrong unseen. */
export const sharedFlags: readonly string[] = [
  ...["--page-size", "--kv-cache-dtype", "--dtype", "--context-length", "--quantization", "--attention-backend"],
  ...["--revision", "--tokenizer-path", "--skip-tokenizer-init", "--json-model-override-args"],
  "--disaggregation-enable-kv-checksum",
];

function all(kind: "value" | "switch", ...names: string[]): Record<string, "value" | "switch"> {
  return Object.fromEntries(names.map((name) => [name, kind]));
}
