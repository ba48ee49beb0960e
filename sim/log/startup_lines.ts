// What a starting vLLM 0.32 says, phase by phase (golden transcripts, startup_log): data, with the facts filled in.

import type { ConnectorSettings, SimSettings } from "../settings/settings.ts";
import type { Level, Speaker } from "./engine_log.ts";

export interface StartLine {
  /** Share of the start-up time after which it appears, 0 to 1. */
  readonly at: number;
  /** Null for plain text on stderr: progress bars, uvicorn. */
  readonly from: { readonly speaker: Speaker; readonly level: Level; readonly place: string } | null;
  readonly text: string;
  /** Time that passes before it, whatever the start-up time. */
  readonly waitMs?: number;
}

/** Everything up to the bind of the HTTP port. A slow load has four shards, a quick one a single one. */
export function startLines(settings: SimSettings, engineId: string): readonly StartLine[] {
  return [
    ...bootLines(settings),
    ...configLines(settings),
    ...modelLines(settings),
    ...cacheLines(settings),
    ...settings.connector ? connectorLines(settings.connector, engineId) : [],
    ...graphLines(settings),
    line(0.9, "EngineCore", "core.py:402", "init engine (profile, create kv cache, warmup model) took 0.04 s"),
    ...settings.connector ? schedulerLines(settings.connector, engineId) : [],
  ];
}

/** From the end of engine start-up to uvicorn's last word. */
export function listeningLines(settings: SimSettings, pid: number): readonly StartLine[] {
  const { host, port } = settings;
  return [
    line(1, "APIServer", "entry.py:136", "Supported tasks: ['generate']"),
    ...settings.switches.scaleOut ? [] : [
      line(
        1,
        "APIServer",
        "factories.py:89",
        "Scale-out endpoints are disabled. Restart vllm serve with --enable-scale-out to enable them.",
      ),
    ],
    line(
      1,
      "APIServer",
      "hf.py:648",
      "Detected the chat template content format to be 'string'. You can set `--chat-template-content-format` to " +
        "override this.",
    ),
    line(1, "APIServer", "entry.py:140", `Starting vLLM server on http://${host}:${port}`),
    line(1, "APIServer", "launcher.py:186", "Available routes are:"),
    ...listedRoutes.map(([path, methods]) =>
      line(1, "APIServer", "launcher.py:195", `Route: ${path}, Methods: ${methods}`)
    ),
    stderr(1, `INFO:     Started server process [${pid}]\n`),
    stderr(1, "INFO:     Waiting for application startup.\n"),
    stderr(1, "INFO:     Application startup complete.\n"),
  ];
}

function bootLines({ vllmVersion, model, givenArgs }: SimSettings): readonly StartLine[] {
  const logo = [
    "",
    "       █     █     █▄   ▄█",
    ` ▄▄ ▄█ █     █     █ ▀▄▀ █  version ${vllmVersion}`,
    `  █▄█▀ █     █     █     █  model   ${model}`,
    "   ▀▀  ▀▀▀▀▀ ▀▀▀▀▀ ▀     ▀",
    "",
  ];
  const args = [["model_tag", model], ...givenArgs].map(([name, value]) =>
    `'${name?.replaceAll("-", "_")}': ${pythonValue(name ?? "", value ?? "")}`
  );
  return [
    ...logo.map((text) => line(0, "APIServer", "api_utils.py:347", text)),
    line(0, "APIServer", "api_utils.py:286", `non-default args: {${args.join(", ")}}`),
  ];
}

function configLines(settings: SimSettings): readonly StartLine[] {
  const nixl = settings.connector?.name.startsWith("Nixl");
  const eager =
    "Enforce eager set, disabling torch.compile, CUDAGraphs, and JIT kernel warmup. This is equivalent to setting " +
    "-cc.mode=none -cc.cudagraph_mode=none and --kernel_config.enable_jit_warmup=False";
  return [
    line(0.05, "APIServer", "model.py:733", "Resolved architecture: LlamaForCausalLM"),
    line(0.05, "APIServer", "model.py:2152", `Using max model len ${settings.maxModelLen}`),
    ...settings.switches.enforceEager ? [line(0.05, "APIServer", "vllm.py:1703", eager, "WARNING")] : [],
    ...nixl ? [line(0.1, "APIServer", "nixl_utils.py:72", "NIXL is available")] : [],
    line(
      0.2,
      "EngineCore",
      "core.py:133",
      `Initializing a V1 LLM engine (v${settings.vllmVersion}) with config: model='${settings.model}', ` +
        `tokenizer='${settings.model}', dtype=${settings.dtype}, max_seq_len=${settings.maxModelLen}, ` +
        `tensor_parallel_size=${settings.parallel.tp}, served_model_name=${settings.servedNames[0]}`,
    ),
  ];
}

function modelLines(settings: SimSettings): readonly StartLine[] {
  const shards = settings.pace.loadMs > 0 ? 4 : 1;
  const bars = Array.from({ length: shards + 1 }, (_, done): StartLine => {
    const percent = String(100 * done / shards).padStart(3);
    const text = `Loading safetensors checkpoint shards: ${percent}% Completed | ${done}/${shards} ` +
      "[00:00<00:00, 221.80it/s]\n";
    return { ...stderr(0.4, text), waitMs: done === 0 ? 0 : settings.pace.loadMs / shards };
  });
  return [
    line(
      0.3,
      "Worker",
      "parallel_state.py:1906",
      `world_size=${settings.parallel.tp} rank=0 local_rank=0 distributed_init_method=file:///dev/null backend=gloo`,
    ),
    line(0.35, "Worker", "cpu_model_runner.py:68", `Starting to load model ${settings.model}...`),
    ...bars,
    line(0.5, "Worker", "default_loader.py:501", "Loading weights took 0.01 seconds"),
  ];
}

function cacheLines(settings: SimSettings): readonly StartLine[] {
  const nixl = settings.connector?.name.startsWith("Nixl");
  const tokens = settings.kvBlocks * settings.blockSize;
  const concurrency = (tokens / settings.maxModelLen).toFixed(2);
  return [
    ...nixl
      ? [
        line(0.6, "EngineCore", "nixl_utils.py:72", "NIXL is available"),
        line(
          0.6,
          "EngineCore",
          "connector.py:157",
          "NixlConnector setting KV cache layout to LBHNC for better xfer performance.",
        ),
      ]
      : [],
    line(0.6, "EngineCore", "utils.py:347", "Using LBHNC KV cache layout."),
    line(
      0.65,
      "EngineCore",
      "kv_cache_utils.py:2327",
      `CPU KV cache size: ${tokens.toLocaleString("en-US")} tokens, Maximum concurrency for ` +
        `${settings.maxModelLen.toLocaleString("en-US")} tokens per request: ${concurrency}x`,
    ),
  ];
}

/** Capturing graphs redraws one line with carriage returns. */
function graphLines({ switches }: SimSettings): readonly StartLine[] {
  if (switches.enforceEager) return [];
  const bar = (done: number) => stderr(0.8, `\rCapturing CUDA graphs (decode, FULL): ${done * 50}%|${done}/2`);
  return [
    bar(0),
    bar(1),
    bar(2),
    stderr(0.85, "\n"),
    line(0.85, "Worker", "gpu_model_runner.py:5000", "Graph capturing finished in 0 secs, took 0.00 GiB"),
  ];
}

function connectorLines(connector: ConnectorSettings, engineId: string): readonly StartLine[] {
  const nixl = connector.name.startsWith("Nixl");
  return [
    ...nixl ? [line(0.7, "Worker", "nixl_utils.py:72", "NIXL is available")] : [],
    ...createdLines(0.7, "Worker", connector, engineId),
    ...nixl
      ? [
        line(0.72, "Worker", "base_worker.py:515", "Initializing NIXL wrapper"),
        line(0.72, "Worker", "base_worker.py:516", `Initializing NIXL worker ${engineId}`),
        line(0.74, "Worker", "base_worker.py:861", "Detected attention backend(s) ['CPU_ATTN']"),
        line(0.74, "Worker", "base_worker.py:865", "Detected kv cache layout LBHNC"),
        line(
          0.75,
          "Worker",
          "base_worker.py:1416",
          "Registering KV_Caches. use_mla: False, kv_buffer_device: cpu, use_host_buffer: False",
        ),
      ]
      : [],
    ...connector.name === "NixlPushConnector"
      ? [line(0.75, "Worker", "push_worker.py:152", "nixl-push-writer thread started (rank=0)")]
      : [],
  ];
}

function schedulerLines(connector: ConnectorSettings, engineId: string): readonly StartLine[] {
  const created = createdLines(0.92, "EngineCore", connector, engineId);
  if (!connector.name.startsWith("Nixl")) return created;
  return [...created, line(0.92, "EngineCore", "base_scheduler.py:109", `Initializing NIXL Scheduler ${engineId}`)];
}

function createdLines(
  at: number,
  speaker: Speaker,
  connector: ConnectorSettings,
  engineId: string,
): readonly StartLine[] {
  const shown = connector.name === "NixlConnector" ? "NixlPullConnector" : connector.name;
  return [
    line(at, speaker, "factory.py:62", `Creating v1 connector with name: ${shown} and engine_id: ${engineId}`),
    line(
      at,
      speaker,
      "base.py:214",
      "Initializing KVConnectorBase_V1. This API is experimental and subject to change in the future as we iterate the " +
        "design.",
      "WARNING",
    ),
  ];
}

function pythonValue(name: string, value: string): string {
  if (name === "api-key") return "['***']";
  if (value === "true") return "True";
  if (value === "false") return "False";
  return /^\d+$/.test(value) ? value : name === "served-model-name" ? `['${value}']` : `'${value}'`;
}

function line(at: number, speaker: Speaker, place: string, text: string, level: Level = "INFO"): StartLine {
  return { at, from: { speaker, level, place }, text };
}

function stderr(at: number, text: string): StartLine {
  return { at, from: null, text };
}

const listedRoutes: readonly (readonly [string, string])[] = [
  ["/openapi.json", "GET, HEAD"],
  ["/docs", "GET, HEAD"],
  ["/docs/oauth2-redirect", "GET, HEAD"],
  ["/redoc", "GET, HEAD"],
  ["/load", "GET"],
  ["/version", "GET"],
  ["/kv_event_sources", "GET"],
  ["/health", "GET"],
  ["/metrics", "GET"],
  ["/tokenize", "POST"],
  ["/detokenize", "POST"],
  ["/v1/models", "GET"],
  ["/v1/systemone", "POST"],
  ["/ping", "GET"],
  ["/ping", "POST"],
  ["/invocations", "POST"],
  ["/v1/chat/completions", "POST"],
  ["/v1/chat/completions/batch", "POST"],
  ["/v1/responses", "POST"],
  ["/v1/responses/{response_id}", "GET"],
  ["/v1/responses/{response_id}/cancel", "POST"],
  ["/v1/completions", "POST"],
  ["/v1/messages", "POST"],
  ["/v1/messages/count_tokens", "POST"],
  ["/generative_scoring", "POST"],
  ["/scale_elastic_ep", "POST"],
  ["/is_scaling_elastic_ep", "POST"],
  ["/v1/chat/completions/render", "POST"],
  ["/v1/messages/render", "POST"],
  ["/v1/completions/render", "POST"],
  ["/v1/responses/render", "POST"],
  ["/v1/chat/completions/derender", "POST"],
  ["/v1/completions/derender", "POST"],
  ["/inference/v1/generate", "POST"],
  ["/inference/v1/abort_requests", "POST"],
];
