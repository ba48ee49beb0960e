// Several `vllm serve` lines as one topology: which prefill, which decode, and what they must agree on.

import type { Json } from "../../../kv/json.ts";
import { emptyLayer, type Layer, type Saying } from "../../layer.ts";
import type { Problem } from "../../problem.ts";
import type { EngineArgument, Origin, Sourced, WorkerGroup } from "../../spec.ts";
import type { KvConfig } from "./read_kv_config.ts";
import type { ServeFacts } from "./read_serve_line.ts";
import type { PdRole } from "./serve_line.ts";
import { say } from "../say.ts";
import { errorAt, warningAt } from "../tell.ts";

type Role = PdRole | "regular";

export function layerOfLines(tool: string, all: readonly ServeFacts[], problems: Problem[]): Layer {
  problems.push(...all.flatMap((facts) => facts.problems));
  const roles = all.map((facts) => roleOf(facts, all.length === 1, problems));
  const [first] = all;
  if (first === undefined || roles.includes(null)) return emptyLayer;
  problems.push(...oneSided(roles as Role[], all), ...addressesReplaced(all));
  const kvs = all.flatMap(({ kv }) => kv ?? []);
  const leader = all.find((_, at) => roles[at] === "prefill")?.kv ?? kvs[0] ?? null;
  const extras = sharedExtra(kvs);
  const groups = all.map((facts, at) => groupOf(facts, roles[at] as Role, extras, problems));
  const model = agreed(all.flatMap((facts) => facts.model ?? []), "model", problems);
  return {
    ...emptyLayer,
    model,
    sayings: [
      ...say(
        "servedModelName",
        agreed(all.flatMap((facts) => facts.servedModelName ?? []), "served model name", problems),
      ),
      ...say("apiKey", agreed(all.flatMap((facts) => facts.apiKey ?? []), "API key", problems)),
      ...connectorSayings(leader, kvs, extras, problems),
    ],
    layout: {
      ...{ tool, engine: "vllm", model: null, groups },
      ...{ ports: "search", updatesWeights: null },
    },
  };
}

const roleOfKv = { kv_producer: "prefill", kv_consumer: "decode", kv_both: null } as const;

/** What kv_role says, else what the file or the name does; without a connector there is nothing to split. */
function roleOf({ line, kv }: ServeFacts, isAlone: boolean, problems: Problem[]): Role | null {
  const byKv = kv?.role === null || kv === null ? null : roleOfKv[kv.role];
  const byName = /prefill|producer/i.test(line.name) ? "prefill" : /decode|consumer/i.test(line.name) ? "decode" : null;
  // A lone worker of both roles has nobody to hand over to: it offloads, or tries something out.
  const role = byKv ?? line.role ?? (kv === null ? "regular" : byName ?? (isAlone ? "regular" : null));
  if (role !== null) return role;
  problems.push(errorAt(line.origin, {
    what: `Say whether ${line.name} prefills or decodes`,
    why: "its kv_role fits both, and neither its name nor a proxy's line tells",
    fix: '"kv_role":"kv_producer" for prefill, "kv_consumer" for decode',
  }));
  return null;
}

function oneSided(roles: readonly Role[], all: readonly ServeFacts[]): Problem[] {
  const has = (role: Role) => roles.includes(role);
  const origin = all[0]?.line.origin ?? { is: "default" };
  if (has("regular") && (has("prefill") || has("decode"))) {
    const at = all[roles.indexOf("regular")];
    return [errorAt(at?.line.origin ?? origin, {
      what: `Give ${at?.line.name} a --kv-transfer-config, or leave it out`,
      why: "the others hand KV over, and it takes no part",
      fix: `'{"kv_connector":"NixlConnector","kv_role":"kv_consumer"}'`,
    })];
  }
  if (has("prefill") === has("decode")) return [];
  const lacks = has("prefill") ? "decode" : "prefill";
  return [errorAt(origin, {
    what: `Add a worker that does ${lacks}`,
    why: `all here do ${has("prefill") ? "prefill" : "decode"}`,
    fix: `"kv_role":"${lacks === "decode" ? "kv_consumer" : "kv_producer"}" in one of them`,
  })];
}

function groupOf(
  facts: ServeFacts,
  role: Role,
  extras: Readonly<Record<string, Json>>,
  problems: Problem[],
): WorkerGroup {
  const { line, gpusPerWorker, tp, args, env, kv } = facts;
  if (line.gpuCount !== null && line.gpuCount.value !== gpusPerWorker) {
    const few = line.gpuCount.value < gpusPerWorker;
    const said = {
      what: `${line.name} is given ${line.gpuCount.value} GPUs and uses ${gpusPerWorker}`,
      why: "tensor × pipeline × data parallel size is what one replica uses",
      fix: few ? `${gpusPerWorker} GPUs, or smaller sizes` : `--tensor-parallel-size ${line.gpuCount.value}`,
    };
    problems.push(few ? errorAt(line.gpuCount.origin, said) : warningAt(line.gpuCount.origin, said));
  }
  const ids = line.gpuIds?.value.split(",").map((id) => id.trim()).filter((id) => id !== "");
  const own = Object.entries(kv?.extra ?? {}).filter(([name]) => !(name in extras));
  return {
    ...{ role, origin: line.origin, gpusPerWorker, tp: tp.value, env },
    gpus: ids === undefined ? gpusPerWorker * line.replicas : ids.slice(0, gpusPerWorker * line.replicas),
    args: [...args, ...own.map(([name, value]) => extraArgument(name, value, kv?.origin ?? line.origin))],
  };
}

/** A member of the extra config that only some lines have, or have otherwise. */
function extraArgument(name: string, value: Json, origin: Origin): EngineArgument {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return { words: [`--kv-transfer-config.kv_connector_extra_config.${name}`, text], origin };
}

function sharedExtra(kvs: readonly KvConfig[]): Readonly<Record<string, Json>> {
  const [first, ...others] = kvs;
  const same = (name: string, text: string) => others.every(({ extra }) => JSON.stringify(extra[name]) === text);
  return Object.fromEntries(
    Object.entries(first?.extra ?? {}).filter(([name, value]) => same(name, JSON.stringify(value))),
  );
}

function connectorSayings(
  leader: KvConfig | null,
  kvs: readonly KvConfig[],
  extra: Readonly<Record<string, Json>>,
  problems: Problem[],
): readonly Saying[] {
  if (leader === null) return [];
  const { connector, origin } = leader;
  const other = kvs.find((kv) => kv.connector.toLowerCase() !== connector.toLowerCase());
  if (other !== undefined) {
    problems.push(warningAt(other.origin, {
      what: `Use ${connector} here too, in place of ${other.connector}`,
      why: "both ends of a handoff speak the same; prefill's is taken",
      fix: `"kv_connector":"${connector}"`,
    }));
  }
  const members = Object.keys(extra).length === 0 ? null : { value: JSON.stringify(extra), origin };
  return [...say("kvConnector", { value: connector, origin }), ...say("kvExtraConfig", members)];
}

function agreed(said: readonly Sourced<string>[], name: string, problems: Problem[]): Sourced<string> | null {
  const [first] = said;
  const other = said.find(({ value }) => value !== first?.value);
  if (first !== undefined && other !== undefined) {
    const shown = name === "API key" ? "two" : `"${first.value}" and "${other.value}"`;
    problems.push(errorAt(other.origin, {
      what: `Give all workers one ${name}, not ${shown}`,
      why: name === "model" ? "KV of one model means nothing to another" : "clients see one server",
      fix: name === "API key" ? "the same key everywhere" : `${first.value} everywhere`,
    }));
  }
  return first ?? null;
}

function addressesReplaced(all: readonly ServeFacts[]): Problem[] {
  const replaced = [...new Set(all.flatMap((facts) => facts.replaced))];
  return replaced.length === 0 ? [] : [warningAt(all[0]?.line.origin ?? { is: "default" }, {
    what: `Give out these anew: ${replaced.join(", ")}`,
    why: "the plan allocates addresses, so that no two workers meet",
    fix: "--prefill URL --decode URL for workers that must keep theirs",
  })];
}
