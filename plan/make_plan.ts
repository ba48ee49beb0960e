// Given a wish and a machine: exactly which processes run, with which argv, environment, ports and GPUs.

import type { Json } from "../kv/json.ts";
import type { Engine } from "../supervisor/engines/engine.ts";
import { checkEngineArgs } from "./check_engine_args.ts";
import { checkGpus } from "./check_gpus.ts";
import { checkModel } from "./check_model.ts";
import { chooseDevice, chooseEngine } from "./choose_device.ts";
import { checkEngineCommand, engineCommand } from "./engine_command.ts";
import { groupGpus } from "./group_gpus.ts";
import type { InstalledEngine, Machine } from "./machine.ts";
import { planConnector } from "./plan_connector.ts";
import { planExternal } from "./plan_external.ts";
import { planIdOf } from "./plan_id.ts";
import { routerPort, workerPorts } from "./plan_ports.ts";
import type { Plan, Planned } from "./plan.ts";
import { distinctProblems, hasErrors } from "./problem.ts";
import type { Spec } from "./spec.ts";
import type { Surroundings } from "./surroundings.ts";
import { engineIdFor, withCommand, type WorkerSlot } from "./worker_command.ts";
import { type RoleShape, roleShape } from "./worker_shape.ts";

export { hasErrors } from "./problem.ts";

/** Never throws for a user's mistake; reports all problems it can find, not the first. Asks nobody: all facts are given. */
export function makePlan(spec: Spec, machine: Machine, engine: Engine, around: Surroundings): Planned {
  if (spec.settings.prefillUrls.value !== null || spec.settings.decodeUrls.value !== null) {
    return planExternal(spec, machine, around);
  }
  const shapes = { prefill: roleShape("prefill", spec, engine), decode: roleShape("decode", spec, engine) };
  const argsOfBoth = [...shapes.prefill.shape.userArgs, ...shapes.decode.shape.userArgs];
  const { installed, problems: engineProblems } = chooseEngine(spec, machine, engine, argsOfBoth);
  const { device, namesOnly, problems: deviceProblems } = chooseDevice(spec, engine, installed);
  const grouping = groupGpus(gpuWish(spec, shapes.prefill.shape, shapes.decode.shape, namesOnly), machine);
  const router = routerPort(spec, machine);
  const problems = distinctProblems([
    ...checkModel(spec.model, around.modelExists),
    ...engineProblems,
    ...deviceProblems,
    ...shapes.prefill.problems,
    ...shapes.decode.problems,
    ...grouping.problems,
    ...checkEngineArgs(spec, engine),
    ...checkEngineCommand(spec),
    ...router.problems,
  ]);
  const bare = [
    ...bareWorkers("prefill", grouping.prefill, shapes.prefill.shape, around),
    ...bareWorkers("decode", grouping.decode, shapes.decode.shape, around),
  ];
  const chosen = planConnector(spec, engine, installed, device, bare, around);
  problems.push(...chosen.problems);
  if (chosen.connector === null || hasErrors(problems)) return { is: "impossible", problems };

  const { connector, reason } = chosen;
  const { ports, problems: portProblems } = workerPorts(bare, connector, engine, machine, router.port);
  const slots = bare.map((worker) => withPorts(worker, ports[worker.name] ?? {}));
  problems.push(...portProblems, ...(namesOnly ? [] : checkGpus(slots, machine, engine.commonFlags)));
  if (hasErrors(problems)) return { is: "impossible", problems };

  const env = { ...shapes.prefill.shape.env, ...shapes.decode.shape.env };
  const launch = { ...launchFacts(spec, machine, around), workersOnMachine: slots.length, env };
  const basis = { ...engineFacts(spec, engine, installed, around), device, launch };
  const plan: Omit<Plan, "planId"> = {
    ...basis,
    connector: { name: connector.name, reason },
    router: { host: spec.settings.host.value, port: router.port },
    split: grouping.reason,
    workers: slots.map((slot) => withCommand(basis, slot, engine, connector)),
    problems,
  };
  return { is: "planned", plan: { planId: planIdOf(plan), ...plan }, connector };
}

function gpuWish(spec: Spec, prefill: RoleShape, decode: RoleShape, namesOnly: boolean) {
  const sizeOf = ({ tp, dp, pp }: RoleShape) => tp === null && dp * pp === 1 ? null : (tp ?? 1) * dp * pp;
  return {
    gpus: { prefill: spec.settings.prefillGpus, decode: spec.settings.decodeGpus },
    sizes: { prefill: sizeOf(prefill), decode: sizeOf(decode) },
    pd: spec.settings.pd,
    namesOnly,
  };
}

function bareWorkers(
  role: "prefill" | "decode",
  groups: readonly (readonly string[])[],
  shape: RoleShape,
  around: Surroundings,
): WorkerSlot[] {
  return groups.map((gpus, index) => ({
    name: `${role}-${index}`,
    role,
    gpus,
    tp: shape.tp ?? gpus.length / (shape.dp * shape.pp),
    dp: shape.dp,
    pp: shape.pp,
    host: "127.0.0.1",
    port: 0,
    ports: {},
    engineId: engineIdFor(`${role}-${index}`, around.nonce),
    userArgs: shape.userArgs,
    cwd: around.cwd,
    external: null,
  }));
}

function withPorts(worker: WorkerSlot, ports: WorkerSlot["ports"]): WorkerSlot {
  return { ...worker, ports, port: ports.http?.[0] ?? 0 };
}

function launchFacts(spec: Spec, machine: Machine, around: Surroundings) {
  return {
    // A load that fails must show: with "recompute" decode would quietly do prefill's work.
    loadFailurePolicy: "fail" as const,
    extraConfig: (spec.settings.kvExtraConfig.value ?? {}) as Readonly<Record<string, Json>>,
    sharedDir: around.sharedDir,
    cpuCores: machine.cpuCores,
    memoryBytes: machine.memoryBytes,
  };
}

function engineFacts(spec: Spec, engine: Engine, installed: InstalledEngine, around: Surroundings) {
  const model = spec.model.value ?? "";
  const command = engineCommand(spec);
  const usual = engine.impliedVersion ? around.ownCommand : [engine.name];
  return {
    model,
    servedModelName: spec.settings.servedModelName.value ?? model,
    engine: { name: engine.name, version: installed.version, command: command.length > 0 ? command : usual },
  };
}
