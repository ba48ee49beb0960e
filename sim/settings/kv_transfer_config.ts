// `--kv-transfer-config`: one JSON string or dotted keys, and pydantic's complaints (golden transcripts, startup/).

import { isObject, type Json, type JsonObject } from "../json.ts";
import { serveError } from "./parse_argv.ts";
import type { ConnectorSettings, KvRole, StartFailure } from "./settings.ts";

const FLAG = "kv-transfer-config";
const ROLES = ["kv_producer", "kv_both", "kv_consumer"];
const FIELDS = [
  "kv_connector",
  "engine_id",
  "kv_role",
  "kv_buffer_device",
  "kv_buffer_size",
  "kv_rank",
  "kv_parallel_size",
  "kv_ip",
  "kv_port",
  "kv_connector_extra_config",
  "kv_connector_module_path",
  "enable_permute_local_kv",
  "kv_load_failure_policy",
];

/** Null when no connector is configured; an empty string counts as that. */
export function readKvTransferConfig(
  values: ReadonlyMap<string, readonly string[]>,
  newEngineId: () => string,
): ConnectorSettings | StartFailure | null {
  const raw = gather(values);
  if (raw === null || "exitCode" in raw && "stderr" in raw) return raw as StartFailure | null;
  const config = raw as JsonObject;
  const problem = shapeProblem(config);
  if (problem) return configError(problem);
  if (typeof config["kv_connector"] !== "string") return null;
  const extra = config["kv_connector_extra_config"];
  return {
    name: config["kv_connector"],
    engineId: typeof config["engine_id"] === "string" ? config["engine_id"] : newEngineId(),
    role: config["kv_role"] as KvRole,
    ip: typeof config["kv_ip"] === "string" ? config["kv_ip"] : "127.0.0.1",
    port: Number(config["kv_port"] ?? 14579),
    loadFailurePolicy: config["kv_load_failure_policy"] === "recompute" ? "recompute" : "fail",
    extra: isObject(extra) ? extra : {},
  };
}

function gather(values: ReadonlyMap<string, readonly string[]>): JsonObject | StartFailure | null {
  const text = values.get(FLAG)?.[0] ?? "";
  const dotted = [...values].filter(([name]) => name.startsWith(`${FLAG}.`));
  if (text === "" && dotted.length === 0) return null;
  let config: Json = {};
  if (text !== "") {
    try {
      config = JSON.parse(text) as Json;
    } catch {
      return configError(`  ${jsonComplaint(text)} [type=json_invalid, input_value=${brief(text)}, input_type=str]`);
    }
  }
  if (!isObject(config)) {
    return configError(
      `  Input should be an object [type=dataclass_type, input_value=${brief(config)}, input_type=list]`,
    );
  }
  for (const [name, given] of dotted) setDotted(config, name.slice(FLAG.length + 1), given);
  return config;
}

function setDotted(config: JsonObject, path: string, given: readonly string[]): void {
  const keys = path.replace(/\+$/, "").split(".");
  const last = keys.pop() ?? "";
  let at = config;
  for (const key of keys) {
    const inner = at[key];
    at = isObject(inner) ? inner : (at[key] = {});
  }
  at[last] = path.endsWith("+") ? given.map(scalar) : scalar(given.at(-1) ?? "");
}

function scalar(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

function shapeProblem(config: JsonObject): string | null {
  const unknown = Object.keys(config).find((key) => !FIELDS.includes(key));
  if (unknown !== undefined) {
    return `${unknown}\n  Unexpected keyword argument ` +
      `[type=unexpected_keyword_argument, ${input(config[unknown] ?? null)}]`;
  }
  const role = config["kv_role"] ?? null;
  if (role !== null && !ROLES.includes(String(role))) {
    return `kv_role\n  Input should be 'kv_producer', 'kv_both' or 'kv_consumer' [type=literal_error, ${input(role)}]`;
  }
  const policy = config["kv_load_failure_policy"] ?? "fail";
  if (policy !== "fail" && policy !== "recompute") {
    return `kv_load_failure_policy\n  Input should be 'recompute' or 'fail' [type=literal_error, ${input(policy)}]`;
  }
  if (typeof config["kv_connector"] === "string" && role === null) {
    return "  Value error, Please specify kv_role when kv_connector is set, supported roles are " +
      `('kv_producer', 'kv_both', 'kv_consumer') [type=value_error, ${input(config)}]`;
  }
  return null;
}

function configError(problem: string): StartFailure {
  return serveError(`argument --kv-transfer-config: 1 validation error for KVTransferConfig\n${problem}`);
}

/** serde's words for the two mistakes people make in a shell; others get a general one. */
function jsonComplaint(text: string): string {
  if (/^\{\s*'/.test(text)) return "Invalid JSON: key must be a string at line 1 column 2";
  return `Invalid JSON: EOF while parsing an object at line 1 column ${text.length}`;
}

function input(value: Json): string {
  const type = typeof value === "string" ? "str" : Array.isArray(value) ? "list" : isObject(value) ? "dict" : "int";
  return `input_value=${brief(value)}, input_type=${type}`;
}

/** Python's repr, shortened in the middle as pydantic does. */
function brief(value: Json): string {
  const full = typeof value === "string"
    ? (value.includes("'") ? `"${value}"` : `'${value}'`)
    : JSON.stringify(value).replaceAll('":', "': ").replaceAll('"', "'");
  return full.length <= 50 ? full : `${full.slice(0, 25)}...${full.slice(-24)}`;
}
