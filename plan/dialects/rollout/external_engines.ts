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
  return { layer: { ...emptyLayer, sayings: [...longRequests(rolloutLimitS, origin), ...sayings] }, problems };
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
  if (!isObject(told.vllm_config)) {
    return errorAt(origin, {
      what: `Cannot route to the engine at ${url}`,
      why: "disaggregation_mode" in told ? "it is SGLang, whose handoff pdserve does not speak yet" : "it is no vLLM",
      fix: "leave it out",
    });
  }
  const config = told.vllm_config;
  const kv = isObject(config.kv_transfer_config) ? config.kv_transfer_config : {};
  const parallel = isObject(config.parallel_config) ? config.parallel_config : {};
  const env = isObject(told.vllm_env) ? told.vllm_env : {};
  const role = roles[String(kv.kv_role)] ?? null;
  if (role === null && kv.kv_connector) {
    return errorAt(origin, {
      what: `Say whether ${url} prefills or decodes`,
      why: `its kv_role is ${JSON.stringify(kv.kv_role ?? null)}`,
      fix: `--prefill ${url} or --decode ${url}`,
    });
  }
  const facts = new URLSearchParams();
  for (const [name, size] of [["tp", parallel.tensor_parallel_size], ["dp", parallel.data_parallel_size]] as const) {
    if (Number(size) > 1) facts.set(name, String(size));
  }
  if (role !== null && Number(env.VLLM_NIXL_SIDE_CHANNEL_PORT) > 0) {
    facts.set("side_channel", String(env.VLLM_NIXL_SIDE_CHANNEL_PORT));
  }
  const connector = typeof kv.kv_connector === "string" ? kv.kv_connector : null;
  return { url: facts.size === 0 ? url : `${url}#${facts}`, role: role ?? "regular", connector };
}

const roles: Readonly<Record<string, Role>> = { kv_producer: "prefill", kv_consumer: "decode" };

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
