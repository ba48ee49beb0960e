// The command line of one worker, for its first process and, with a new engine id, for every later one.

import type { Connector } from "../kv/connector.ts";
import type { Engine } from "../supervisor/engines/engine.ts";
import { factsOf, type Plan, type WorkerPlan } from "./plan.ts";

/** What all workers of a plan share. */
export type PlanBasis = Pick<Plan, "model" | "servedModelName" | "device" | "engine" | "launch">;

/** A worker that has all but its command. */
export type WorkerSlot = Omit<WorkerPlan, "argv" | "env">;

export function workerCommand(
  basis: PlanBasis,
  worker: WorkerSlot,
  engine: Engine,
  connector: Connector,
): Pick<WorkerPlan, "argv" | "env"> {
  const { launch, device } = basis;
  const facts = factsOf({ ...worker, argv: [], env: {} });
  const wiring = connector.wiring({
    ...{ role: worker.role, tp: worker.tp, dp: worker.dp, pp: worker.pp },
    ...{ host: worker.host, httpPort: worker.port, ports: facts.ports, engineId: worker.engineId ?? worker.name },
    ...{ device, engineVersion: basis.engine.version, sharedDir: launch.sharedDir },
    ...{ loadFailurePolicy: launch.loadFailurePolicy, extraConfig: launch.extraConfig },
  });
  return engine.command({
    ...{ role: worker.role, tp: worker.tp, dp: worker.dp, pp: worker.pp, gpus: worker.gpus },
    ...{ host: worker.host, port: worker.port, internalPort: facts.ports.internal ?? null },
    ...{ model: basis.model, servedModelName: basis.servedModelName, device },
    ...{ command: basis.engine.command, engineVersion: basis.engine.version, userArgs: worker.userArgs },
    kvTransferConfig: Object.keys(wiring.kvTransferConfig).length > 0 ? wiring.kvTransferConfig : null,
    ...{ wiringArgs: wiring.args, wiringEnv: wiring.env },
    ...{ cpuCores: launch.cpuCores, memoryBytes: launch.memoryBytes, workersOnMachine: launch.workersOnMachine },
  });
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
  return { ...slot, ...workerCommand(basis, slot, engine, connector) };
}

/** `prefill-0-1c9e`: the worker's name keeps logs readable, the nonce keeps ids of restarts and other runs apart. */
export function engineIdFor(workerName: string, nonce: string): string {
  return `${workerName}-${nonce}`;
}
