// The command line of one worker, for its first process and, with a new engine id, for every later one.

import type { Connector } from "../kv/connector.ts";
import { encoderWiring } from "../kv/encoder_wiring.ts";
import { sglangEncoderWiring } from "../kv/sglang_encoder_wiring.ts";
import type { Engine } from "../supervisor/engines/engine.ts";
import { workerVariables } from "./worker_variables.ts";
import { mergeMembers, takeKvMembers } from "./kv_members.ts";
import { factsOf, type Launch, type Plan, type WorkerPlan } from "./plan.ts";

/** What all workers of a plan share. */
export type PlanBasis = Pick<Plan, "model" | "servedModelName" | "device" | "engine" | "launch">;

/** A worker that has all but its command. */
export type WorkerSlot = Omit<WorkerPlan, "argv" | "env">;

/** Adds the command; the engine id stays only where the connector passes it on, else the engine makes its own. */
export function withCommand(basis: PlanBasis, slot: WorkerSlot, engine: Engine, connector: Connector): WorkerPlan {
  const { launch, device } = basis;
  const { role, tp, dp, pp, gpus, host, port, userArgs } = slot;
  const { ports } = factsOf({ ...slot, argv: [], env: {} });
  const { version: engineVersion, command } = basis.engine;
  const { loadFailurePolicy, extraConfig, sharedDir, cpuCores, memoryBytes, workersOnMachine } = launch;
  const wiring = connector.wiring({
    ...{ role, tp, dp, pp, host, httpPort: port, ports, engineId: slot.engineId ?? slot.name },
    ...{ device, engineVersion, sharedDir, loadFailurePolicy, extraConfig },
  });
  const own = takeKvMembers(userArgs);
  const takesPart = Object.keys(wiring.kvTransferConfig).length > 0;
  const config = takesPart ? mergeMembers(wiring.kvTransferConfig, own.members) : null;
  const line = engine.command({
    ...{ role, tp, dp, pp, gpus, host, port, internalPort: ports.internal ?? null, userArgs: own.args },
    ...{ model: basis.model, servedModelName: basis.servedModelName, device, command, engineVersion },
    kvTransferConfig: config,
    ...{
      wiringArgs: [...wiring.args, ...encoderArgs({ role, ports, launch })],
      wiringEnv: wiring.env,
      cpuCores,
      memoryBytes,
      workersOnMachine,
    },
  });
  const engineId = typeof config?.engine_id === "string" ? config.engine_id : null;
  return { ...slot, engineId, argv: line.argv, env: { ...launch.env, ...workerVariables(line.env, slot.userEnv) } };
}

function encoderArgs(
  { role, ports, launch: { encodes, encoderUrls, sharedDir } }: Pick<WorkerPlan, "role"> & {
    readonly ports: Readonly<Record<string, number>>;
    readonly launch: Launch;
  },
): readonly string[] {
  if (encodes !== true) return [];
  return encoderUrls === undefined
    ? encoderWiring({ role, sharedDir })
    : sglangEncoderWiring({ role, encoderUrls, ports });
}

export interface Generation {
  /** Never one used before in this run: a peer that knows it would use the dead process's addresses. */
  readonly engineId: string;
  /** Ports by purpose, `http` included, that replace the worker's; those left out stay. */
  readonly ports?: Readonly<Record<string, readonly number[]>>;
}

/** The same worker as its next process. */
export function nextGeneration(
  basis: PlanBasis,
  worker: WorkerPlan,
  generation: Generation,
  engine: Engine,
  connector: Connector,
): WorkerPlan {
  const ports = { ...worker.ports, ...generation.ports };
  const slot = { ...worker, engineId: generation.engineId, ports, port: ports.http?.[0] ?? worker.port };
  return withCommand(basis, slot, engine, connector);
}

/** `prefill-0-1c9e`: the worker's name keeps logs readable, the nonce keeps ids of restarts and other runs apart. */
export function engineIdFor(workerName: string, nonce: string): string {
  return `${workerName}-${nonce}`;
}
