// Members of --kv-transfer-config that the user gives one by one, as vLLM's dotted flags: `--kv-transfer-config.kv_buffer_size 8e9`.

import type { Json } from "../kv/json.ts";
import { readFlags } from "./engine_flags.ts";

type Members = Readonly<Record<string, Json>>;

const prefix = "--kv-transfer-config.";

/** `name` with dashes in its head, as `readFlags` gives it. */
export function isKvMember(name: string): boolean {
  return name.startsWith(prefix);
}

/** Why the plan alone may set a member; null for one that is the user's to choose. */
export function whyOwnedMember(name: string): string | null {
  return owned[name.slice(prefix.length).split(".")[0] ?? ""] ?? null;
}

/** Takes them out of the arguments: of a JSON and dotted members on one line vLLM keeps only one. */
export function takeKvMembers(
  args: readonly string[],
): { readonly args: readonly string[]; readonly members: Members } {
  const kept: string[] = [];
  let members: Members = {};
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? "";
    const [flag] = readFlags([word], {});
    if (flag === undefined || !isKvMember(flag.name)) {
      kept.push(word);
      continue;
    }
    const value = word.includes("=") ? flag.value : args[++at] ?? "";
    members = mergeMembers(members, nested(flag.name.slice(prefix.length).split("."), jsonOrText(value)));
  }
  return { args: kept, members };
}

/** The second one's members win; objects are merged. */
export function mergeMembers(under: Members, over: Members): Members {
  const merged = { ...under };
  for (const [name, value] of Object.entries(over)) {
    const before = merged[name];
    merged[name] = isObject(before) && isObject(value) ? mergeMembers(before, value) : value;
  }
  return merged;
}

function nested([name = "", ...rest]: readonly string[], value: Json): Members {
  return { [name]: rest.length === 0 ? value : nested(rest, value) };
}

/** As vLLM reads a dotted value (utils/argparse_utils.py): JSON where it is JSON, else text. */
function jsonOrText(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const ownAddress = "every worker gets its own, which the plan allocates";
const ownPlace = "the plan counts the workers";

const owned: Readonly<Record<string, string>> = {
  kv_connector: "one connector serves the whole run: --kv-connector NAME",
  kv_role: "the worker's role says it",
  engine_id: ownAddress,
  kv_ip: ownAddress,
  kv_port: ownAddress,
  kv_rank: ownPlace,
  kv_parallel_size: ownPlace,
  kv_load_failure_policy: 'a load that fails must show, so it is "fail"; --fallback decode-alone recomputes visibly',
};
