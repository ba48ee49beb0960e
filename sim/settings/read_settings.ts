// argv and environment to settings, or to what vLLM would say before it exits.

import { randomUUID } from "node:crypto";
import { connectorProblem } from "../versions.ts";
import { noFaults } from "./faults.ts";
import type { Faults } from "./faults.ts";
import { readEcTransferConfig } from "./ec_transfer_config.ts";
import { readKvTransferConfig } from "./kv_transfer_config.ts";
import { parseArgv, serveError } from "./parse_argv.ts";
import type { Pace, SimEnv, SimSettings, StartFailure } from "./settings.ts";
import { type SimFlagName, simFlags } from "./sim_flags.ts";
import { dtypes, switchFlags } from "./vllm_flags.ts";

/** Bytes of keys and values a token takes in the tiny model: 2 layers × K and V × 2 heads × 32 × float32. */
export const KV_BYTES_PER_TOKEN = 1024;

export type Env = Readonly<Record<string, string | undefined>>;
type Values = ReadonlyMap<string, readonly string[]>;

export function readSettings(argv: readonly string[], env: Env): SimSettings | StartFailure {
  const parsed = parseArgv(argv);
  if ("exitCode" in parsed) return parsed;
  const { values } = parsed;
  const dtype = one(values, "dtype") ?? "auto";
  if (!dtypes.includes(dtype)) {
    const known = dtypes.map((name) => `'${name}'`).join(", ");
    return serveError(`argument --dtype: invalid choice: '${dtype}' (choose from ${known})`);
  }
  const connector = readKvTransferConfig(values, randomUUID);
  if (connector && "exitCode" in connector) return connector;
  const encoder = readEcTransferConfig(one(values, "ec-transfer-config"));
  if (encoder && "exitCode" in encoder) return encoder;
  const model = parsed.model ?? one(values, "model");
  if (!model) return serveError("the following arguments are required: model_tag");
  const readEnv = envSettings(env);
  if ("exitCode" in readEnv) return readEnv;
  const settings = assemble(model, values, { connector, encoder }, readEnv, env);
  return unsupported(settings) ?? settings;
}

function assemble(
  model: string,
  values: Values,
  { connector, encoder }: Pick<SimSettings, "connector" | "encoder">,
  simEnv: SimEnv,
  env: Env,
): SimSettings {
  const own = ownFlags(values);
  const maxModelLen = whole(values, "max-model-len") ?? own.count("max-model-len");
  const blockSize = whole(values, "block-size") ?? 128;
  const memory = whole(values, "kv-cache-memory-bytes") ?? whole(values, "kv-cache-memory");
  const apiKey = env["VLLM_API_KEY"];
  return {
    model,
    servedNames: values.get("served-model-name") ?? [model],
    host: one(values, "host") ?? "0.0.0.0",
    port: whole(values, "port") ?? 8000,
    apiKeys: values.get("api-key") ?? (apiKey ? [apiKey] : []),
    vllmVersion: own.text("vllm-version"),
    dtype: one(values, "dtype") ?? "auto",
    maxModelLen,
    blockSize,
    blockSizeGiven: values.has("block-size"),
    kvBlocks: own.count("kv-blocks") || blocksFor(memory, blockSize, maxModelLen),
    kvCacheMemoryBytes: memory,
    maxNumSeqs: whole(values, "max-num-seqs") ?? 256,
    maxBatchedTokens: whole(values, "max-num-batched-tokens") ?? 8192,
    parallel: {
      tp: whole(values, "tensor-parallel-size") ?? 1,
      dp: whole(values, "data-parallel-size") ?? 1,
      pp: whole(values, "pipeline-parallel-size") ?? 1,
    },
    connector,
    encoder,
    switches: switches(values),
    env: simEnv,
    pace: pace(own),
    faults: faults(own),
    givenArgs: [...values].filter(([name]) => !name.startsWith("sim-")).map(([name, given]) => [name, given.join(" ")]),
  };
}

function switches(values: Values): SimSettings["switches"] {
  const on = (name: string) => one(values, name) === "true";
  return {
    promptTokensDetails: on("enable-prompt-tokens-details"),
    requestIdHeaders: on("enable-request-id-headers"),
    scaleOut: on("enable-scale-out"),
    prefixCaching: one(values, "enable-prefix-caching") !== "false",
    enforceEager: on("enforce-eager"),
    accessLog: !on("disable-uvicorn-access-log"),
    forceIncludeUsage: on("enable-force-include-usage"),
  };
}

/** The null block included. Without a size given: 65536 tokens, or four prompts of full length. */
function blocksFor(memoryBytes: number | null, blockSize: number, maxModelLen: number): number {
  if (memoryBytes !== null) return Math.floor(memoryBytes / (KV_BYTES_PER_TOKEN * blockSize));
  return Math.ceil(Math.max(65_536, 4 * maxModelLen) / blockSize);
}

function envSettings(env: Env): SimEnv | StartFailure {
  const bad = portProblem(env, "VLLM_NIXL_SIDE_CHANNEL_PORT") ?? portProblem(env, "VLLM_MOONCAKE_BOOTSTRAP_PORT");
  if (bad) return bad;
  const vllmPort = env["VLLM_PORT"];
  if (vllmPort !== undefined && /^\w+:\/\//.test(vllmPort)) {
    return pythonError(
      `ValueError: VLLM_PORT '${vllmPort}' appears to be a URI. This may be caused by a Kubernetes service discovery ` +
        "issue,check the warning in: https://docs.vllm.ai/en/latest/configuration/env_vars.html",
    );
  }
  return {
    nixlHost: env["VLLM_NIXL_SIDE_CHANNEL_HOST"] ?? "localhost",
    nixlPort: Number(env["VLLM_NIXL_SIDE_CHANNEL_PORT"] ?? 5600),
    mooncakeBootstrapPort: Number(env["VLLM_MOONCAKE_BOOTSTRAP_PORT"] ?? 8998),
    hostIp: env["VLLM_HOST_IP"] || "127.0.0.1",
    p2pHost: env["VLLM_P2P_SIDE_CHANNEL_HOST"] ?? "localhost",
    p2pPort: Number(env["VLLM_P2P_SIDE_CHANNEL_PORT"] ?? 5710),
    hashSeed: env["PYTHONHASHSEED"] || null,
    storeAddress: ["LMCACHE_REMOTE_URL", "LMCACHE_CONFIG_FILE", "MOONCAKE_CONFIG_PATH", "FLEXKV_CONFIG_PATH"]
      .map((name) => env[name] ?? "").join(" ").trim(),
    randomizeRequestIds: !["1", "true"].includes(env["VLLM_DISABLE_REQUEST_ID_RANDOMIZATION"] ?? "0"),
    devMode: env["VLLM_SERVER_DEV_MODE"] === "1",
  };
}

function portProblem(env: Env, name: string): StartFailure | null {
  const value = env[name];
  if (value === undefined || /^-?\d+$/.test(value)) return null;
  return pythonError(`ValueError: invalid literal for int() with base 10: '${value}'`);
}

/** What only the whole configuration tells, exit code 1: connector, context length against KV cache. */
function unsupported(settings: SimSettings): StartFailure | null {
  const problem = settings.connector && connectorProblem(settings.connector, settings.vllmVersion);
  if (problem) {
    return pythonError(
      "pydantic_core._pydantic_core.ValidationError: 1 validation error for VllmConfig\n" +
        `  Value error, ${problem} [type=value_error, input_value=ArgsKwargs((), {'model_co... ` +
        "'shutdown_timeout': 0}), input_type=ArgsKwargs]",
    );
  }
  const room = (settings.kvBlocks - 1) * settings.blockSize;
  if (room >= settings.maxModelLen) return null;
  const needGib = gib(settings.maxModelLen * KV_BYTES_PER_TOKEN);
  const haveGib = gib(room * KV_BYTES_PER_TOKEN);
  return pythonError(
    `ValueError: To serve at least one request with the model's max seq len (${settings.maxModelLen}), (${needGib} GiB ` +
      `KV cache is needed, which is larger than the available KV cache memory (${haveGib} GiB). Based on the available ` +
      `memory, the estimated maximum model length is ${room}. Try increasing \`gpu_memory_utilization\` or decreasing ` +
      "`max_model_len` when initializing the engine.\n" +
      "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}",
  );
}

/** A Python error at start: exit code 1. */
export function pythonError(text: string): StartFailure {
  return { exitCode: 1, stderr: `Traceback (most recent call last):\n${text}\n` };
}

interface OwnFlags {
  text(name: SimFlagName): string;
  count(name: SimFlagName): number;
  on(name: SimFlagName): boolean;
}

function ownFlags(values: Values): OwnFlags {
  const text = (name: SimFlagName) =>
    one(values, `sim-${name}`) ?? simFlags.find((flag) => flag.name === name)?.fallback ?? "";
  return { text, count: (name) => Number(text(name)), on: (name) => text(name) === "true" };
}

function pace(own: OwnFlags): Pace {
  return {
    startupMs: own.count("startup-ms"),
    loadMs: own.count("load-ms"),
    prefillMsPer1k: own.count("prefill-ms-per-1k"),
    decodeMsPerToken: own.count("decode-ms-per-token"),
    transferMsPerBlock: own.count("transfer-ms-per-block"),
    transferMbPerS: own.count("transfer-mb-per-s"),
    handshakeTimeoutMs: own.count("handshake-timeout-ms"),
    deathMs: own.count("death-ms"),
    mooncakeAbortMs: own.count("mooncake-abort-ms"),
  };
}

function faults(own: OwnFlags): Faults {
  return {
    ...noFaults,
    hang: own.on("hang"),
    ignoreSigterm: own.on("ignore-sigterm"),
    sigterm: own.text("sigterm") === "hung" ? "hung" : "clean",
    ignoreKvParams: own.on("ignore-kv-params"),
    firstTokenEos: own.on("first-token-eos"),
    failTransfers: own.count("fail-transfers"),
    errorRequests: own.count("error-requests"),
    errorStatus: own.count("error-status"),
    exitAfterRequests: own.count("exit-after-requests"),
    dieAfterTokens: own.count("die-after-tokens"),
    cutAfterTokens: own.count("cut-after-tokens"),
    queueMs: own.count("queue-ms"),
    neverHealthy: own.on("never-healthy"),
    failLog: own.text("fail-log") || null,
    exitCode: own.count("exit-code"),
    orphan: own.text("orphan") as Faults["orphan"],
    mooncakeLegacy: own.on("mooncake-legacy"),
  };
}

function one(values: Values, name: string): string | null {
  return values.get(name)?.at(-1) ?? null;
}

/** Accepts vLLM's human forms too: `4k`, `1.5M`, `2g`; -1 and `auto` mean "not given". */
function whole(values: Values, name: string): number | null {
  const text = one(values, name);
  const human = /^(\d+(?:\.\d+)?)([kKmMgG]?)$/.exec(text ?? "");
  if (!human || switchFlags.has(name)) return null;
  const scale: Readonly<Record<string, number>> = {
    "": 1,
    k: 1e3,
    m: 1e6,
    g: 1e9,
    K: 1024,
    M: 1024 ** 2,
    G: 1024 ** 3,
  };
  return Math.floor(Number(human[1]) * (scale[human[2] ?? ""] ?? 1));
}

function gib(bytes: number): string {
  return (bytes / 1024 ** 3).toFixed(1);
}
