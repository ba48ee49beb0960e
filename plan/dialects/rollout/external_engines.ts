// Engines that run already, known by address alone: what each tells of itself in /server_info makes it prefill, decode or whole.

import { emptyLayer, type Saying } from "../../layer.ts";
import type { Problem } from "../../problem.ts";
import type { Origin, Sourced } from "../../spec.ts";
import type { ReadFile } from "../dialect.ts";
import { longRequests, rolloutLimitS } from "../long_requests.ts";
import { errorAt } from "../tell.ts";

/** Null when there is no answer, or none that is JSON. */
export type GetJson = (url: string) => Promise<unknown>;

type Role = "prefill" | "decode" | "regular";

interface External {
  /** With what a connector must know behind `#`. */
  readonly url: string;
  readonly role: Role;
  readonly connector: string | null;
  readonly engine: "vllm" | "sglang";
}

const urlKeys = { prefill: "prefillUrls", decode: "decodeUrls", regular: "regularUrls" } as const;

/** `host:port` or a URL each, as vime's --rollout-external-engine-addrs. */
export async function readExternalEngines(addresses: Sourced<readonly string[]>, getJson: GetJson): Promise<ReadFile> {
  const { value, origin } = addresses;
  const problems: Problem[] = [];
  const found = await Promise.all(value.map(async (address) => {
    const url = /^https?:\/\//.test(address) ? address.replace(/\/+$/, "") : `http://${address}`;
    const told = await serverInfo(url, getJson);
    const read = externalOf(url, told, origin);
    if ("what" in read) problems.push(read);
    return "what" in read ? [] : [read];
  }));
  const engines = found.flat();
  const sayings = engines.map(({ url, role }): Saying => ({ key: urlKeys[role], text: url, origin }));
  const connector = engines.find((engine) => engine.connector !== null)?.connector ?? null;
  if (connector !== null) sayings.push({ key: "kvConnector", text: connector, origin });
  problems.push(...unlike(engines, origin));
  if (engines[0] !== undefined) sayings.push({ key: "engine", text: engines[0].engine, origin });
  return { layer: { ...emptyLayer, sayings: [...longRequests(rolloutLimitS, origin), ...sayings] }, problems };
}

/** One cannot hand over to the other. */
function unlike(engines: readonly External[], origin: Origin): Problem[] {
  const [first] = engines;
  const other = engines.find(({ engine }) => engine !== first?.engine);
  return first === undefined || other === undefined ? [] : [errorAt(origin, {
    what: `Leave out ${other.url} or ${first.url}`,
    why: `one is ${other.engine}, the other ${first.engine}, and KV of one means nothing to the other`,
    fix: "addresses of one kind of engine",
  })];
}

/** vLLM's and SGLang's routes, the older one last. */
async function serverInfo(url: string, getJson: GetJson): Promise<unknown> {
  for (const path of ["/server_info?config_format=json", "/server_info", "/get_server_info"]) {
    const told = await getJson(url + path);
    if (isObject(told)) return told;
  }
  return null;
}

function externalOf(url: string, told: unknown, origin: Origin): External | Problem {
  if (!isObject(told)) {
    return errorAt(origin, {
      what: `Cannot tell what runs at ${url}`,
      why: "it does not answer /server_info, which vLLM has with VLLM_SERVER_DEV_MODE=1",
      fix: `--prefill ${url}, --decode ${url} or --regular ${url}, which need no asking`,
    });
  }
  if (isObject(told.vllm_config)) return vllmAt(url, told.vllm_config, told, origin);
  if ("disaggregation_mode" in told) return sglangAt(url, told);
  const why = "its /server_info is neither vLLM's nor SGLang's";
  return errorAt(origin, { what: `Cannot route to the engine at ${url}`, why, fix: "leave it out" });
}

const roles: Readonly<Record<string, Role>> = { kv_producer: "prefill", kv_consumer: "decode" };

function vllmAt(
  url: string,
  config: Record<string, unknown>,
  told: Record<string, unknown>,
  origin: Origin,
): External | Problem {
  const [kv, parallel, env] = [config.kv_transfer_config, config.parallel_config, told.vllm_env].map((one) =>
    isObject(one) ? one : {}
  );
  const role = roles[String(kv?.kv_role)] ?? null;
  if (role === null && kv?.kv_connector) {
    return errorAt(origin, {
      what: `Say whether ${url} prefills or decodes`,
      why: `its kv_role is ${JSON.stringify(kv.kv_role ?? null)}`,
      fix: `--prefill ${url} or --decode ${url}`,
    });
  }
  const port = role === null ? null : env?.VLLM_NIXL_SIDE_CHANNEL_PORT;
  const facts = { tp: parallel?.tensor_parallel_size, dp: parallel?.data_parallel_size, side_channel: port };
  const connector = typeof kv?.kv_connector === "string" ? kv.kv_connector : null;
  return { url: withFacts(url, facts), role: role ?? "regular", connector, engine: "vllm" };
}

function sglangAt(url: string, told: Record<string, unknown>): External {
  const mode = told.disaggregation_mode;
  const role = mode === "prefill" || mode === "decode" ? mode : "regular";
  const bootstrap = role === "prefill" ? told.disaggregation_bootstrap_port : null;
  const backend = String(told.disaggregation_transfer_backend ?? "nixl");
  const connector = role === "regular" ? null : `sglang-${backend}`;
  return { url: withFacts(url, { tp: told.tp_size, dp: told.dp_size, bootstrap }), role, connector, engine: "sglang" };
}

/** What differs from the usual stands behind `#`. */
function withFacts(url: string, facts: Readonly<Record<string, unknown>>): string {
  const told = Object.entries(facts).filter(([, value]) => Number(value) > 1);
  return told.length === 0 ? url : `${url}#${told.map(([name, value]) => `${name}=${value}`).join("&")}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
