// What happens to a fleet in the situations the golden screens show.

import type { Plan, WorkerPlan } from "../../../plan/plan.ts";
import type { Stage } from "../../../supervisor/engines/engine.ts";
import type { FleetEvent, PairProof } from "../../../supervisor/events.ts";

export interface Step {
  readonly atMs: number;
  readonly event: FleetEvent;
}

const runDir = "~/.local/state/pdserve/runs/7f3a";
const model = "Qwen/Qwen3-32B";

export function workerPlan(role: "prefill" | "decode", index: number, gpu: number): WorkerPlan {
  const port = 8100 + gpu;
  return {
    name: `${role}-${index}`,
    role,
    gpus: [String(gpu)],
    tp: 1,
    dp: 1,
    pp: 1,
    host: "127.0.0.1",
    port,
    ports: { http: [port], side_channel: [5600 + gpu] },
    engineId: `${role}-${index}-a1`,
    userArgs: [],
    userEnv: {},
    argv: ["vllm", "serve", model, "--port", String(port), "--kv-transfer-config", '{"kv_connector":"NixlConnector"}'],
    env: { CUDA_VISIBLE_DEVICES: String(gpu), VLLM_NIXL_SIDE_CHANNEL_PORT: String(5600 + gpu), VLLM_API_KEY: "hidden" },
    cwd: "/srv",
    external: null,
  };
}

export function fleetPlan(prefill = 2, decode = 2): Plan {
  const workers = [
    ...Array.from({ length: prefill }, (_, index) => workerPlan("prefill", index, index)),
    ...Array.from({ length: decode }, (_, index) => workerPlan("decode", index, prefill + index)),
  ];
  return {
    planId: "7f3a",
    model,
    servedModelName: model,
    device: "cuda",
    engine: { name: "vllm", version: "0.32.0", command: ["vllm"] },
    connector: { name: "NixlConnector", reason: "auto: vLLM 0.32.0 has it and nixl 1.4.1 imports" },
    router: { host: "127.0.0.1", port: 8000 },
    split: "4 GPUs: prefill 0,1 · decode 2,3 (NVLink pairs); --prefill-gpus and --decode-gpus for another",
    launch: {
      loadFailurePolicy: "fail",
      extraConfig: {},
      sharedDir: "/tmp/shared",
      cpuCores: 64,
      memoryBytes: 2 ** 40,
      workersOnMachine: 4,
      env: {},
    },
    workers,
    problems: [],
  };
}

const planned = (configFile: string | null = null, plan = fleetPlan()): Step => ({
  atMs: 0,
  event: { type: "plan", plan, configFile, runDir, usualMs: { "prefill-0": 65_000 } },
});

const worker = (
  atMs: number,
  name: string,
  state: "starting" | "proving" | "ready" | "draining" | "stopping" | "stopped" | "backoff" | "failed",
  stage: Stage | null = null,
  retry: { readonly retryInMs?: number } = {},
): Step => ({
  atMs,
  event: { type: "worker", name, state, stage, elapsedMs: atMs, ...retry },
});

const died: FleetEvent = {
  type: "failed",
  failure: {
    ...{ worker: "decode-1", gpus: ["3"], during: "ready", exit: { code: 0, signal: null }, afterMs: 7_380_000 },
    logPath: `${runDir}/logs/decode-1.log`,
    lastLines: [
      "ERROR 11-21 16:02:11 [core.py:1098] EngineCore encountered a fatal error.",
      "RuntimeError: CUDA error",
    ],
    diagnosis: {
      rule: "cuda-error",
      what: "decode-1 ended with exit code 0 without being asked to",
      why: "the GPU reported an error",
      fix: "nvidia-smi -q -d ECC,PAGE_RETIREMENT -i 3",
      line: 1,
    },
  },
};

const names = ["prefill-0", "prefill-1", "decode-0", "decode-1"];
const everyone = (atMs: number, state: Parameters<typeof worker>[2]) => names.map((name) => worker(atMs, name, state));

const starting: Step[] = [
  planned("./pdserve.yaml"),
  ...names.map((name) => worker(100, name, "starting", { name: "booting" })),
  worker(41_000, "prefill-0", "starting", { name: "loading weights", done: 5, of: 9 }),
  worker(41_000, "prefill-1", "starting", { name: "loading weights", done: 4, of: 9 }),
  worker(41_000, "decode-0", "starting", { name: "capturing graphs", done: 12, of: 35 }),
  worker(41_000, "decode-1", "starting", { name: "compiling" }),
];

const proof = (prefill: string, decode: string, tookMs: number): PairProof => ({
  ...{ is: "proven", prefill, decode, promptTokens: 128, movedTokens: 128, recomputedTokens: 0 },
  ...{ bytes: 33_554_432, tookMs },
} as PairProof);

const proofs = [
  proof("prefill-0", "decode-0", 2.1),
  proof("prefill-0", "decode-1", 3.4),
  proof("prefill-1", "decode-0", 2.2),
  proof("prefill-1", "decode-1", 2.6),
];

const readyAt = (atMs: number, shown: readonly PairProof[] | null): Step => ({
  atMs,
  event: {
    type: "ready",
    ready: {
      ...{ url: "http://127.0.0.1:8000", runDir, model, tookMs: atMs, proofs: shown },
      ...{ connector: "NixlConnector", prefill: 2, decode: 2 },
      kvRoom: {
        prefill: { tokens: 391_200, requestTokens: 8_192 },
        decode: { tokens: 402_400, requestTokens: 8_192 },
      },
    },
  },
});

const ready: Step[] = [
  ...starting,
  ...everyone(90_000, "proving"),
  ...proofs.map((one): Step => ({ atMs: 95_000, event: { type: "proof", proof: one } })),
  ...everyone(98_000, "ready"),
  readyAt(98_000, proofs),
];

const nothingMoved = {
  rule: null,
  what: "decode-1 computed all 128 prompt tokens itself",
  why: "its request carried no kv_transfer_params, so nothing was pulled from prefill-0",
  fix: "--kv-connector NixlConnector on both roles",
  line: null,
};

const waits = [{ worker: "prefill-1", requests: 1 }, { worker: "decode-0", requests: 2 }];

export const scenes: Readonly<Record<string, readonly Step[]>> = {
  starting,
  proving: [
    ...starting,
    ...everyone(90_000, "proving"),
    { atMs: 95_000, event: { type: "proof", proof: proof("prefill-0", "decode-0", 2.1) } },
  ],
  ready,
  not_verified: [...starting, ...everyone(90_000, "ready"), readyAt(90_000, null)],
  draining: [
    ...ready,
    { atMs: 200_000, event: { type: "draining", inFlight: 7, limitMs: 30_000, waitingFor: [] } },
    ...everyone(200_000, "draining"),
    { atMs: 204_000, event: { type: "draining", inFlight: 3, limitMs: 30_000, waitingFor: waits } },
  ],
  recovering: [
    ...ready,
    worker(200_000, "decode-1", "backoff", null, { retryInMs: 4_000 }),
    { atMs: 200_500, event: died },
    { atMs: 201_000, event: { type: "reloaded", changes: ["router: --max-queue 100 → 50"] } },
  ],
  stopped: [
    ...ready,
    { atMs: 200_000, event: { type: "stopping", forced: false } },
    ...everyone(201_000, "stopped"),
    { atMs: 203_000, event: { type: "stopped", exitCode: 0 } },
  ],
  failure: [
    ...starting,
    worker(38_000, "decode-1", "failed"),
    {
      atMs: 38_000,
      event: {
        type: "failed",
        failure: {
          worker: "decode-1",
          gpus: ["3"],
          during: "sizing KV",
          exit: { code: 1, signal: null },
          afterMs: 38_000,
          logPath: `${runDir}/logs/decode-1.log`,
          lastLines: [
            "INFO 11-21 14:02:11 [gpu_worker.py:298] Available KV cache memory: 54.10 GiB",
            "ValueError: Free memory on device cuda:0 (61.2/139.8 GiB) on startup is less than desired GPU memory utilization (0.9, 125.8 GiB).",
            "\x1b[31mRuntimeError\x1b[0m: Engine core initialization failed. See root cause above.",
          ],
          diagnosis: {
            rule: "free-memory",
            what: "GPU 3 has 61.2 of 139.8 GiB free, and 0.90 of it was asked for",
            why: "python (pid 40121) holds 74.1 GiB of it",
            fix: "stop pid 40121, or --decode.gpu-memory-utilization 0.40",
            line: 1,
          },
        },
      },
    },
    ...["prefill-0", "prefill-1", "decode-0"].map((name) => worker(40_000, name, "stopped")),
    { atMs: 41_000, event: { type: "stopped", exitCode: 1 } },
  ],
  refuted: [
    ...starting,
    ...everyone(90_000, "proving"),
    {
      atMs: 95_000,
      event: {
        type: "proof",
        proof: {
          is: "refuted",
          prefill: "prefill-0",
          decode: "decode-1",
          diagnosis: nothingMoved,
        },
      },
    },
    worker(95_000, "decode-1", "failed"),
    {
      atMs: 95_000,
      event: {
        type: "failed",
        failure: {
          worker: "decode-1",
          gpus: ["3"],
          during: "proving",
          exit: null,
          afterMs: 95_000,
          logPath: `${runDir}/logs/decode-1.log`,
          lastLines: ["INFO:     Application startup complete."],
          diagnosis: nothingMoved,
        },
      },
    },
    { atMs: 99_000, event: { type: "stopped", exitCode: 1 } },
  ],
  crowded: [
    planned(null, fleetPlan(12, 20)),
    ...Array.from({ length: 12 }, (_, index) => worker(5_000, `prefill-${index}`, "ready")),
    ...Array.from({ length: 20 }, (_, index) => worker(9_000, `decode-${index}`, "starting", { name: "compiling" })),
  ],
  warned: [
    planned(),
    {
      atMs: 0,
      event: {
        type: "warning",
        problem: {
          what: "Anyone who reaches 0.0.0.0:8000 may use the model",
          why: "no API key is asked for",
          fix: "--api-key KEY, or --host 127.0.0.1",
          where: "flag --host",
          severity: "warning",
        },
      },
    },
    { atMs: 10, event: { type: "log", worker: "decode-0", line: "INFO \x1b[2Jhello\rworld" } },
  ],
};
