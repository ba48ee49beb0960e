// `[pd_disagg]`: two lists of GPUs, cut into workers of the role's tensor parallel size.

import { nearestName } from "../../../kv/nearest_name.ts";
import { emptyLayer, type Layer, type Saying } from "../../layer.ts";
import type { Problem } from "../../problem.ts";
import type { EngineArgument, Origin, Sourced, WorkerGroup } from "../../spec.ts";
import { longRequests } from "../long_requests.ts";
import { all2allArgument } from "./all2all.ts";
import { healthWaits } from "./health_waits.ts";
import { checkPrimeRun } from "./check_run.ts";
import { inferenceArguments } from "./inference_arguments.ts";
import { say } from "../say.ts";
import { errorAt, warningAt } from "../tell.ts";
import { find, type TomlTable } from "../toml/toml_tree.ts";
import { type TomlValues, tomlValues } from "../toml/toml_values.ts";

const roles = ["prefill", "decode"] as const;
type PdRole = (typeof roles)[number];

const keys = [
  "enabled",
  ...roles.flatMap((role) => ["gpu_ids", "tp", "port", "kv_port", "all2all_backend"].map((key) => `${role}_${key}`)),
  ...["host", "proxy_port", "kv_connector", "kv_send_type", "auto_ports"],
];
const usualPorts = { prefill_port: 8100, decode_port: 8200, prefill_kv_port: 14_579, decode_kv_port: 14_580 } as const;

/** `orchestrator.client.timeout` where the file does not say it. */
const usualTimeoutS = 1200;

export function readPdDisagg(tree: TomlTable, pd: TomlTable, problems: Problem[]): Layer {
  const values = tomlValues(tree, problems);
  problems.push(...unknownKeys(pd), ...switchedOff(values, pd.origin), ...withoutInference(tree, pd.origin));
  const { model, both, connectorExtra } = inferenceArguments(tree, values, problems);
  const groups = roles.flatMap((role) => groupOf(role, values, pd.origin, problems) ?? []);
  const [prefill, decode] = groups;
  if (prefill !== undefined && decode !== undefined) problems.push(...bothListed(prefill, decode));
  const tps = { prefill: prefill?.gpusPerWorker ?? 1, decode: decode?.gpusPerWorker ?? 1 };
  problems.push(...checkPrimeRun(tree, values, tps));
  const exact = values.truth("pd_disagg.auto_ports")?.value === false;
  const sayings = [
    ...routerSayings(values, exact, pd.origin),
    ...connectorSayings(values, connectorExtra, tps, pd.origin, problems),
  ];
  return {
    ...emptyLayer,
    model,
    sayings,
    engineArgs: { ...emptyLayer.engineArgs, both },
    layout: {
      ...{ tool: "PRIME-RL", engine: "vllm", model: null, groups },
      ...{ ports: exact ? "exact" : "search", updatesWeights: null },
    },
  };
}

function groupOf(role: PdRole, values: TomlValues, start: Origin, problems: Problem[]): WorkerGroup | null {
  const key = (name: string) => `pd_disagg.${role}_${name}`;
  const ids = values.ids(key("gpu_ids"));
  const tp = values.whole(key("tp")) ?? values.whole("inference.parallel.tp");
  const size = tp?.value ?? 1;
  if (ids === null || ids.value.length === 0) {
    const said = ids?.origin ?? start;
    // A list of the wrong form is told already.
    if (!problems.some(({ what }) => what.startsWith(key("gpu_ids")))) {
      problems.push(errorAt(said, {
        what: `Give ${role}_gpu_ids at least one GPU`,
        why: `without it there is no ${role} worker`,
        fix: `${role}_gpu_ids = [${role === "prefill" ? 0 : 1}]`,
      }));
    }
    return null;
  }
  if (ids.value.length % size !== 0) {
    problems.push(errorAt(ids.origin, {
      what: `Cannot cut the ${ids.value.length} GPUs of ${role}_gpu_ids into workers of ${size}`,
      why: `each worker has ${role}_tp GPUs`,
      fix: `${role}_tp = 1, or a multiple of ${size} GPUs`,
    }));
    return null;
  }
  const args: EngineArgument[] = all2allArgument(values, key("all2all_backend"), problems);
  const ports = { http: portOf(`${role}_port`, values), kv_port: portOf(`${role}_kv_port`, values) };
  return { role, origin: ids.origin, gpus: ids.value, gpusPerWorker: size, tp: size, args, env: [], ports };
}

function portOf(name: keyof typeof usualPorts, values: TomlValues): number {
  return values.port(`pd_disagg.${name}`)?.value ?? usualPorts[name];
}

function routerSayings(values: TomlValues, exact: boolean, start: Origin): readonly Saying[] {
  const host = values.text("pd_disagg.host") ?? values.text("inference.server.host");
  const port = values.port("pd_disagg.proxy_port");
  const timeout = values.whole("orchestrator.client.timeout");
  const auto = values.truth("pd_disagg.auto_ports");
  return [
    ...say("host", host),
    ...say("port", port),
    ...(exact ? say("strictPort", auto && { ...auto, value: true }) : []),
    ...healthWaits(start),
    ...longRequests(timeout?.value ?? usualTimeoutS, timeout?.origin ?? start),
  ];
}

function connectorSayings(
  values: TomlValues,
  extra: Sourced<Readonly<Record<string, unknown>>> | null,
  tps: { readonly prefill: number; readonly decode: number },
  start: Origin,
  problems: Problem[],
): readonly Saying[] {
  const connector = values.text("pd_disagg.kv_connector");
  const send = values.text("pd_disagg.kv_send_type");
  const name = connector?.value ?? "P2pNcclConnector";
  const isP2p = name.toLowerCase() === "p2pncclconnector";
  const types = ["PUT_ASYNC", "PUT", "GET"];
  if (send !== null && !types.includes(send.value)) {
    problems.push(errorAt(send.origin, {
      what: `kv_send_type cannot be "${send.value}"`,
      why: `it is one of ${types.join(", ")}`,
      fix: `kv_send_type = "${nearestName(send.value, types) ?? "PUT_ASYNC"}"`,
    }));
  } else if (send !== null && !isP2p) {
    problems.push(warningAt(send.origin, {
      what: "Leave out kv_send_type",
      why: `it is P2pNcclConnector's; ${name} moves KV its own way`,
      fix: "remove it",
    }));
  }
  const origin = connector?.origin ?? start;
  if (isP2p && tps.prefill !== tps.decode) {
    problems.push(errorAt(saidTp(values)?.origin ?? origin, {
      what: `P2pNcclConnector cannot join prefill_tp ${tps.prefill} and decode_tp ${tps.decode}`,
      why: "rank n of prefill sends to rank n of decode",
      fix: `decode_tp = ${tps.prefill}, or kv_connector = "NixlConnector", which takes different ones`,
    }));
  }
  const members = { ...extra?.value, ...(isP2p ? { send_type: send?.value ?? "PUT_ASYNC" } : {}) };
  return [
    ...say("kvConnector", { value: name, origin }),
    ...(Object.keys(members).length > 0
      ? say("kvExtraConfig", { value: JSON.stringify(members), origin: send?.origin ?? origin })
      : []),
  ];
}

function saidTp(values: TomlValues): Sourced<number> | null {
  return values.whole("pd_disagg.decode_tp") ?? values.whole("pd_disagg.prefill_tp");
}

function unknownKeys(pd: TomlTable): Problem[] {
  return [...pd.members].filter(([key]) => !keys.includes(key)).map(([key, { origin }]) =>
    errorAt(origin, {
      what: `Unknown key "${key}" in [pd_disagg]`,
      why: "PRIME-RL takes only the keys it knows",
      fix: nearestName(key, keys) ?? "remove it",
    })
  );
}

function switchedOff(values: TomlValues, start: Origin): Problem[] {
  const enabled = values.truth("pd_disagg.enabled");
  if (enabled?.value === true) return [];
  return [errorAt(enabled?.origin ?? start, {
    what: "Turn [pd_disagg] on",
    why: enabled === null ? "enabled is false unless it is said" : "enabled is false",
    fix: "enabled = true, or --pd_disagg.enabled after @ FILE",
  })];
}

function withoutInference(tree: TomlTable, start: Origin): Problem[] {
  return find(tree, "inference") !== null ? [] : [errorAt(start, {
    what: "Add an [inference] table",
    why: "[pd_disagg] says how to split it, not what to serve",
    fix: "[inference], empty where the defaults will do",
  })];
}

function bothListed(prefill: WorkerGroup, decode: WorkerGroup): Problem[] {
  const [a, b] = [prefill.gpus, decode.gpus];
  if (typeof a === "number" || typeof b === "number") return [];
  const both = a.filter((id) => b.includes(id));
  return both.length === 0 ? [] : [errorAt(decode.origin, {
    what: `${both.length === 1 ? "GPU" : "GPUs"} ${both.join(", ")} stand in both prefill_gpu_ids and decode_gpu_ids`,
    why: "a GPU runs one role",
    fix: `decode_gpu_ids = [${b.filter((id) => !both.includes(id)).join(", ") || "…"}]`,
  })];
}
