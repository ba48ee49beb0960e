// Given a wish and a machine: exactly which processes run, with which argv, environment, ports and GPUs.

import type { Connector, Device } from "../kv/connector.ts";
import type { Json } from "../kv/json.ts";
import type { Engine } from "../supervisor/engines/engine.ts";
import { checkEngineArgs } from "./check_engine_args.ts";
import { checkEngineEnv } from "./check_engine_env.ts";
import { checkGpus } from "./check_gpus.ts";
import { checkHostMemory } from "./check_host_memory.ts";
import { checkModel } from "./check_model.ts";
import { chooseDevice, chooseEngine } from "./choose_device.ts";
import { checkEngineCommand, engineCommand } from "./engine_command.ts";
import type { Crew } from "./crew.ts";
import { checkEncoders } from "./check_encoders.ts";
import { planScheduler } from "./plan_scheduler.ts";
import { withEncoders } from "./with_encoders.ts";
import { crewOfFlags } from "./crew_of_flags.ts";
import { crewOfLayout } from "./crew_of_layout.ts";
import type { InstalledEngine, Machine } from "./machine.ts";
import { planConnector } from "./plan_connector.ts";
import { planExternal, runsAlready } from "./plan_external.ts";
import { checkTurnReuse, turnReuseConfig } from "./plan_turn_reuse.ts";
import { planIdOf } from "./plan_id.ts";
import { routerPort, workerPorts } from "./plan_ports.ts";
import { routerOf, routerProcesses } from "./router_processes.ts";
import type { Plan, Planned } from "./plan.ts";
import { distinctProblems, hasErrors, type Problem } from "./problem.ts";
import type { Spec } from "./spec.ts";
import type { Surroundings } from "./surroundings.ts";
import { type PlanBasis, withCommand, type WorkerSlot } from "./worker_command.ts";

export { hasErrors } from "./problem.ts";

/** Never throws for a user's mistake; reports all problems it can find, not the first. Asks nobody: all facts are given. */
export function makePlan(spec: Spec, machine: Machine, engine: Engine, around: Surroundings): Planned {
  if (runsAlready(spec.settings)) {
    return planExternal(spec, machine, around);
  }
  const draft = draftPlan(spec, machine, engine, around);
  if (draft.engineIsMissing) return { is: "impossible", problems: draft.problems };
  const chosen = planConnector(spec, engine, draft.installed, draft.device, draft.crew.workers, around);
  const problems = [...draft.problems, ...chosen.problems];
  if (chosen.connector === null || hasErrors(problems)) return { is: "impossible", problems };

  const { connector, reason } = chosen;
  const { workers: crew, ports: wanted } = draft.crew;
  const taken = { router: draft.routerPort, wanted, exact: spec.layout?.ports === "exact" };
  const { ports, problems: portProblems } = workerPorts(crew, connector, engine, machine, taken);
  const slots = crew.map((worker) => withPorts(worker, ports[worker.name] ?? {}));
  const router = routerProcesses(spec, machine, connector);
  const { scheduler, problems: schedulerProblems } = planScheduler(spec, slots, draft.routerPort, machine);
  problems.push(
    ...router.problems,
    ...schedulerProblems,
    ...checkTurnReuse(spec, connector, true),
    ...portProblems,
    ...(draft.namesOnly ? [] : checkGpus(slots, machine, engine.commonFlags)),
  );
  // The simulator keeps no KV.
  if (engine.impliedVersion === undefined) problems.push(...checkHostMemory(spec, slots.length, machine));
  if (hasErrors(problems)) return { is: "impossible", problems };

  const basis = withEncoders(basisOf(draft, spec, machine, engine, around, connector), slots);
  const workers = slots.map((slot) => withCommand(basis, slot, engine, connector));
  problems.push(...checkEngineEnv(spec, workers, engine));
  const plan: Omit<Plan, "planId"> = {
    ...basis,
    connector: { name: connector.name, reason },
    router: routerOf(spec, draft.routerPort, router.processes),
    split: draft.crew.split,
    ...(typeof spec.layout?.updatesWeights === "boolean" ? { updatesWeights: spec.layout.updatesWeights } : {}),
    workers,
    ...(scheduler === null ? {} : { scheduler }),
    problems,
  };
  return { is: "planned", plan: { planId: planIdOf(plan), ...plan }, connector };
}

/** All that can be settled before the connector is known; made even of a wish with errors, so that all are told. */
interface Draft {
  readonly installed: InstalledEngine;
  readonly engineIsMissing: boolean;
  readonly device: Device;
  readonly namesOnly: boolean;
  readonly crew: Crew;
  readonly routerPort: number;
  readonly secrets: Readonly<Record<string, string>>;
  readonly problems: readonly Problem[];
}

function draftPlan(spec: Spec, machine: Machine, engine: Engine, around: Surroundings): Draft {
  const wish = spec.layout === null
    ? crewOfFlags(spec, machine, engine, around)
    : crewOfLayout(spec.layout, spec, machine, engine, around);
  const chosen = chooseEngine(spec, machine, engine, wish.userArgs);
  const { device, namesOnly, problems: deviceProblems } = chooseDevice(spec, machine, engine, chosen);
  const crew = wish.place(namesOnly);
  const router = routerPort(spec, machine);
  return {
    ...{ installed: chosen.installed, engineIsMissing: chosen.isMissing, device, namesOnly, crew },
    routerPort: router.port,
    secrets: wish.secrets,
    problems: distinctProblems([
      ...checkModel(spec.model, around.modelExists),
      ...[...chosen.problems, ...deviceProblems, ...wish.problems, ...crew.problems],
      ...(chosen.isMissing ? [] : checkEncoders(crew.workers, engine, chosen.installed.version)),
      ...[...checkEngineArgs(spec, engine), ...checkEngineCommand(spec), ...router.problems],
    ]),
  };
}

function withPorts(worker: WorkerSlot, ports: WorkerSlot["ports"]): WorkerSlot {
  return { ...worker, ports, port: ports.http?.[0] ?? 0 };
}

function basisOf(
  draft: Draft,
  spec: Spec,
  machine: Machine,
  engine: Engine,
  around: Surroundings,
  connector: Connector,
): PlanBasis {
  const model = spec.model.value ?? "";
  const command = engineCommand(spec);
  const usual = engine.impliedVersion ? around.ownCommand : [engine.name];
  return {
    model,
    servedModelName: spec.settings.servedModelName.value ?? model,
    device: draft.device,
    engine: { name: engine.name, version: draft.installed.version, command: command.length > 0 ? command : usual },
    launch: {
      // A load that fails must show: with "recompute" decode would quietly do prefill's work.
      loadFailurePolicy: "fail",
      extraConfig: {
        ...(spec.settings.kvExtraConfig.value ?? {}) as Readonly<Record<string, Json>>,
        ...turnReuseConfig(spec, connector),
      },
      sharedDir: around.sharedDir,
      cpuCores: machine.cpuCores,
      memoryBytes: machine.memoryBytes,
      workersOnMachine: draft.crew.workers.length,
      env: draft.secrets,
    },
  };
}
