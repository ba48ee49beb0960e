// What a file says in --kv-transfer-config, and which of it the plan decides instead.

import type { Json } from "../../../kv/json.ts";
import { nearestName } from "../../../kv/nearest_name.ts";
import { whyOwnedMember } from "../../kv_members.ts";
import type { Problem } from "../../problem.ts";
import type { EngineArgument, Origin } from "../../spec.ts";
import { errorAt } from "../tell.ts";

type Members = Readonly<Record<string, Json>>;

export type KvRole = "kv_producer" | "kv_consumer" | "kv_both";

export interface KvConfig {
  readonly origin: Origin;
  readonly connector: string;
  readonly role: KvRole | null;
  /** `kv_connector_extra_config`, without what pdserve's own wiring sets per worker. */
  readonly extra: Members;
  /** Members for this line alone, as dotted flags. */
  readonly args: readonly EngineArgument[];
  /** Names of members that are the plan's to decide. */
  readonly replaced: readonly string[];
}

export type ReadKvConfig = { readonly is: "config"; readonly config: KvConfig } | {
  readonly is: "wrong";
  readonly problem: Problem;
};

const kvRoles: readonly KvRole[] = ["kv_producer", "kv_consumer", "kv_both"];
/** Addresses inside extra configs: P2pNccl's (http, proxy) and LMCache's RPC socket. */
const ownedExtra = new Set(["proxy_ip", "proxy_port", "http_ip", "http_port", "lmcache_rpc_port"]);

/** `key` is how the file calls it: `kv_transfer_config`, `--kv-transfer-config`. */
export function readKvConfig(text: string, key: string, origin: Origin): ReadKvConfig {
  const wrong = (what: string, why: string, fix: string): ReadKvConfig => ({
    is: "wrong",
    problem: errorAt(origin, { what, why, fix }),
  });
  const members = parseObject(text);
  if (members === null) return { is: "wrong", problem: notJson(text, key, origin) };
  const { kv_connector: connector, kv_role: role = null, kv_connector_extra_config: extra = {}, ...others } = members;
  if (typeof connector !== "string" || connector === "") {
    return wrong(`${key} names no kv_connector`, "it says how KV moves", '"kv_connector":"NixlConnector"');
  }
  if (role !== null && !kvRoles.some((known) => known === role)) {
    const meant = typeof role === "string" ? nearestName(role, kvRoles) : null;
    return wrong(
      `kv_role cannot be ${JSON.stringify(role)}`,
      `it is one of ${kvRoles.join(", ")}`,
      meant ?? kvRoles[0] ?? "",
    );
  }
  if (!isObject(extra)) {
    return wrong(
      "kv_connector_extra_config is not an object",
      `it is ${JSON.stringify(extra)}`,
      '"kv_connector_extra_config":{}',
    );
  }
  const left = unfilled({ ...others, ...extra });
  if (left !== null) {
    const why = "it differs from worker to worker, and this member is none the plan gives out";
    return wrong(`Cannot fill ${left.placeholder} in ${left.member}`, why, `remove "${left.member}"`);
  }
  const passed = Object.entries(others).filter(([name]) => whyOwned(name) === null);
  return {
    is: "config",
    config: {
      ...{ origin, connector, role: role as KvRole | null },
      extra: Object.fromEntries(Object.entries(extra).filter(([name]) => !ownedExtra.has(name))),
      args: passed.map(([name, value]) => ({
        words: [`--kv-transfer-config.${name}`, typeof value === "string" ? value : JSON.stringify(value)],
        origin,
      })),
      replaced: [
        ...Object.keys(others).filter((name) => whyOwned(name) !== null && others[name] !== "fail"),
        ...Object.keys(extra).filter((name) => ownedExtra.has(name)),
      ],
    },
  };
}

function whyOwned(member: string): string | null {
  return whyOwnedMember(`--kv-transfer-config.${member}`);
}

/** A placeholder in a member that the plan does not replace. */
function unfilled(members: Members): { readonly member: string; readonly placeholder: string } | null {
  for (const [member, value] of Object.entries(members)) {
    const placeholder = /\{(PORT|NODE_NAME)\}/.exec(JSON.stringify(value))?.[0];
    if (placeholder !== undefined && whyOwned(member) === null && !ownedExtra.has(member)) {
      return { member, placeholder };
    }
  }
  return null;
}

/** `{PORT}` and the like may stand for a number, without quotes. */
function parseObject(text: string): Members | null {
  // All workers are on this node.
  const quoted = text.replaceAll("{KV_IP}", "127.0.0.1").replace(/([:,[]\s*)(\{(?:PORT|NODE_NAME)\})/g, '$1"$2"');
  try {
    const read: unknown = JSON.parse(quoted);
    return isObject(read as Json) ? read as Members : null;
  } catch {
    return null;
  }
}

function notJson(text: string, key: string, origin: Origin): Problem {
  const dots = /,?\s*\.\.\.\s*,?/.test(text);
  const mended = (dots ? text.replace(/,?\s*\.\.\.\s*(?=,|\}|\])/g, "") : text.replaceAll("'", '"')).trim();
  const shown = text.length > 200 ? `${text.slice(0, 200)} and more` : text;
  return errorAt(origin, {
    what: dots ? `Replace "..." in ${key} by the members it stands for` : `${key} is not a JSON object`,
    why: dots ? `a document leaves something out there; it is not JSON: ${shown}` : `it reads ${shown}`,
    fix: parseObject(mended) === null ? `'{"kv_connector":"NixlConnector","kv_role":"kv_producer"}'` : `'${mended}'`,
  });
}

function isObject(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
