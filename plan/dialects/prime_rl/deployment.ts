// Today's `[inference.deployment] type = "disaggregated"`: nodes of a cluster, read as groups of this box's GPUs.

import { nearestName } from "../../../kv/nearest_name.ts";
import { emptyLayer, type Layer, type Saying } from "../../layer.ts";
import type { Problem } from "../../problem.ts";
import type { EngineArgument, EngineVariable, WorkerGroup } from "../../spec.ts";
import { all2allArgument } from "./all2all.ts";
import { longRequests, rolloutLimitS } from "../long_requests.ts";
import { policySayings } from "../policy_sayings.ts";
import { healthWaits } from "./health_waits.ts";
import { primeOffload } from "./offload.ts";
import { say } from "../say.ts";
import { errorAt, warningAt } from "../tell.ts";
import { find, findTable, plainOf, type TomlTable } from "../toml/toml_tree.ts";
import { type TomlValues, tomlValues } from "../toml/toml_values.ts";
import { flagWords } from "../flag_words.ts";

const roles = ["prefill", "decode"] as const;
type PdRole = (typeof roles)[number];

/** Of `[inference.vllm]`, what the layout says, not the engine's line. */
const sizes = ["model", "tensor_parallel_size", "data_parallel_size", "data_parallel_size_local"];
const parsers = ["tool_call_parser", "reasoning_parser"];
const ofCluster = ["data_parallel_rpc_port", "data_parallel_address", "data_parallel_rank"];
/** What upstream adds for each role once experts are parallel; the file's own word wins. */
const roleDefaults = {
  prefill: { all2all_backend: "deepep_high_throughput" },
  decode: { all2all_backend: "deepep_low_latency", compilation_config: { cudagraph_mode: "FULL_DECODE_ONLY" } },
} as const;
const keys = [
  ...["type", "gpus_per_node", "num_nodes"],
  ...roles.flatMap((role) => [`${role}_nodes_per_replica`, `num_${role}_replicas`, `${role}_port`]),
  ...roles.flatMap((role) => [`${role}_env_vars`, `${role}_vllm_overrides`]),
];
const renamed: Readonly<Record<string, string>> = {
  num_prefill_nodes: "prefill_nodes_per_replica",
  num_decode_nodes: "decode_nodes_per_replica",
  router_port: "port, in [inference.server]",
};

export function readDeployment(inference: TomlTable, tree: TomlTable, problems: Problem[]): Layer | null {
  const values = tomlValues(inference, problems);
  const type = values.text("deployment.type");
  if (type?.value !== "disaggregated") {
    problems.push(errorAt(type?.origin ?? inference.origin, {
      what: `Cannot split a deployment of type "${type?.value ?? "single_node"}"`,
      why: "only disaggregated has prefill and decode workers",
      fix: 'type = "disaggregated"',
    }));
    return null;
  }
  problems.push(...wrongNames(inference));
  const vllm = findTable(inference, "vllm");
  const experts = values.truth("vllm.enable_expert_parallel")?.value ?? true;
  const groups = roles.map((role) => groupOf(role, inference, values, experts, problems));
  const model = values.text("vllm.model") ?? tomlValues(tree, problems).text("model.name");
  return {
    ...emptyLayer,
    model,
    sayings: [
      ...healthWaits(type.origin),
      ...longRequests(rolloutLimitS, type.origin),
      ...routerSayings(values, problems),
      ...primeOffload(inference, values, type.origin, problems),
    ],
    engineArgs: { ...emptyLayer.engineArgs, both: commonArguments(vllm, values, experts, problems) },
    engineEnv: { ...emptyLayer.engineEnv, both: variablesOf(findTable(inference, "env_vars")) },
    layout: {
      ...{ tool: "PRIME-RL", engine: "vllm", model: null, groups },
      ...{ ports: "search", updatesWeights: null },
    },
  };
}

/**
 * A replica whose experts are parallel is one worker with a data parallel rank for each TP-sized slice; without that the
 * slices know nothing of each other, and are workers of their own.
 */
function groupOf(
  role: PdRole,
  inference: TomlTable,
  values: TomlValues,
  experts: boolean,
  problems: Problem[],
): WorkerGroup {
  const key = (name: string) => `deployment.${name}`;
  const count = (name: string) => values.whole(key(name))?.value ?? 1;
  const perNode = values.whole(key("gpus_per_node"))?.value ?? 8;
  const tp = values.whole("vllm.tensor_parallel_size")?.value ?? 1;
  const replica = count(`${role}_nodes_per_replica`) * perNode;
  const origin = find(inference, "deployment")?.origin ?? inference.origin;
  if (replica % tp !== 0) {
    problems.push(errorAt(origin, {
      what: `Cannot cut ${replica} GPUs of a ${role} replica into tensor_parallel_size ${tp}`,
      why: "each rank has as many GPUs",
      fix: "tensor_parallel_size = 1, 2, 4 or 8",
    }));
  }
  const whole = experts && replica % tp === 0;
  const overrides = findTable(inference, key(`${role}_vllm_overrides`));
  const own: EngineArgument[] = whole && replica > tp
    ? [{ words: ["--data-parallel-size", String(replica / tp)], origin }]
    : [];
  return {
    ...{ role, origin, gpus: count(`num_${role}_replicas`) * replica, gpusPerWorker: whole ? replica : tp, tp },
    args: [...(experts ? defaultsOf(role, inference, values) : []), ...own, ...passed(overrides)],
    env: variablesOf(findTable(inference, key(`${role}_env_vars`))),
    ports: { http: values.port(key(`${role}_port`))?.value ?? (role === "prefill" ? 8100 : 8200) },
  };
}

function defaultsOf(role: PdRole, inference: TomlTable, values: TomlValues): EngineArgument[] {
  const origin = values.text("deployment.type")?.origin ?? inference.origin;
  return Object.entries(roleDefaults[role])
    .filter(([name]) => find(inference, `vllm.${name}`) === null)
    .map(([name, value]) => ({ words: flagWords(name, value), origin }));
}

function commonArguments(
  vllm: TomlTable | null,
  values: TomlValues,
  experts: boolean,
  problems: Problem[],
): EngineArgument[] {
  for (const name of ofCluster) {
    const node = vllm?.members.get(name);
    if (node === undefined) continue;
    const said = { what: `Leave out ${name}`, why: "on one node the plan gives out addresses", fix: "remove it" };
    problems.push(warningAt(node.origin, said));
  }
  const auto = parsers.filter((name) => vllm?.members.has(name) && plainOf(vllm.members.get(name) ?? vllm) === "auto");
  for (const name of auto) {
    problems.push(warningAt(vllm?.members.get(name)?.origin ?? { is: "default" }, {
      what: `Choose ${name} yourself where it is needed`,
      why: "PRIME-RL's launcher looks it up by the model's name; the engine knows no auto",
      fix: `${name} = "hermes", or what the model's card names`,
    }));
  }
  const asked = find(vllm ?? { is: "table", origin: { is: "default" }, members: new Map() }, "enable_expert_parallel");
  const added: EngineArgument[] = experts && asked === null
    ? [{ words: ["--enable-expert-parallel"], origin: vllm?.origin ?? { is: "default" } }]
    : [];
  const left = new Set([...sizes, ...ofCluster, ...auto, "all2all_backend"]);
  return [...passed(vllm, left), ...all2allArgument(values, "vllm.all2all_backend", problems), ...added];
}

/** vLLM's own names; a text that is JSON is meant as such. */
function passed(table: TomlTable | null, without: ReadonlySet<string> = new Set()): EngineArgument[] {
  return [...table?.members ?? []].flatMap(([name, node]) => {
    const key = name.replaceAll("-", "_");
    const plain = plainOf(node);
    return without.has(key) || plain === null ? [] : [{ words: flagWords(key, plain), origin: node.origin }];
  });
}

function variablesOf(table: TomlTable | null): EngineVariable[] {
  return [...table?.members ?? []].map(([name, node]) => ({
    ...{ name, value: String(plainOf(node)), origin: node.origin },
  }));
}

function routerSayings(values: TomlValues, problems: Problem[]): readonly Saying[] {
  const policy = values.text("router.policy");
  const kind = values.text("router.type");
  if (kind !== null && kind.value !== "vllm-router") {
    const why = `pdserve's own router stands in for vllm-router; ${kind.value}'s scorers mean nothing to it`;
    problems.push(warningAt(kind.origin, { what: `Leave out router.type "${kind.value}"`, why, fix: "remove it" }));
  }
  return [
    ...say("host", values.text("server.host")),
    ...say("port", values.port("server.port")),
    ...policySayings(policy, ["prefillPolicy", "decodePolicy"], problems),
  ];
}

function wrongNames(inference: TomlTable): Problem[] {
  return [...findTable(inference, "deployment")?.members ?? []].flatMap(([key, { origin }]) => {
    if (keys.includes(key)) return [];
    const now = renamed[key] ?? null;
    return [errorAt(origin, {
      what: now === null
        ? `Unknown key "${key}" in [inference.deployment]`
        : `Rename "${key}" of [inference.deployment]`,
      why: now === null ? "PRIME-RL takes only the keys it knows" : "PRIME-RL gave it another name",
      fix: now ?? nearestName(key, keys) ?? "remove it",
    })];
  });
}
