// What a worker's next process is started with: an engine id that no peer has met, and ports that are free now.

import type { Connector } from "../kv/connector.ts";
import type { WorkerPlan } from "../plan/plan.ts";
import { engineIdFor, nextGeneration, type PlanBasis } from "../plan/worker_command.ts";
import type { Diagnosis, Engine } from "./engines/engine.ts";
import type { HeldPorts } from "./hold_ports.ts";
import { noPortsLeft } from "./plain_diagnoses.ts";

export type NextProcess =
  | { readonly is: "planned"; readonly worker: WorkerPlan }
  | { readonly is: "impossible"; readonly diagnosis: Diagnosis };

export interface NextProcessIo {
  readonly basis: PlanBasis;
  readonly runId: string;
  readonly engine: Engine;
  readonly connector: Connector;
  readonly ports: HeldPorts;
}

/** A worker that somebody else runs stays as it is. */
export function nextProcess(
  worker: WorkerPlan,
  generation: number,
  { basis, runId, engine, connector, ports: held }: NextProcessIo,
): NextProcess {
  if (worker.external !== null) return { is: "planned", worker };
  const ports = held.again(worker);
  if (ports === null) return { is: "impossible", diagnosis: noPortsLeft(worker) };
  const engineId = engineIdFor(worker.name, `${runId.slice(-6)}-${generation}`);
  return { is: "planned", worker: nextGeneration(basis, worker, { engineId, ports }, engine, connector) };
}
