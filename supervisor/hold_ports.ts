// Keeps the plan's ports from everybody else until the workers take them.

import type { WorkerPlan } from "../plan/plan.ts";

export interface HeldPort {
  release(): void;
}

export type HoldPort = (host: string, port: number) => HeldPort | null;

export interface TakenPort {
  readonly worker: WorkerPlan;
  readonly purpose: string;
  readonly port: number;
}

export interface HeldPorts {
  /** Ports that somebody else took since the plan was made. */
  readonly taken: readonly TakenPort[];
  release(worker: string): void;
}

/**
 * Ports that the engine finds by trying a plain bind (vLLM's VLLM_PORT scan) would look taken while they are held; the plan alone
 * keeps them apart.
 */
const foundByTrying = new Set(["internal"]);

export function holdPorts(workers: readonly WorkerPlan[], hold: HoldPort): HeldPorts {
  const held = new Map<string, HeldPort[]>();
  const taken: TakenPort[] = [];
  for (const worker of workers.filter(({ external }) => external === null)) {
    for (const [purpose, ports] of Object.entries(worker.ports)) {
      for (const port of foundByTrying.has(purpose) ? [] : ports) {
        const hand = hold(worker.host, port);
        if (hand === null) taken.push({ worker, purpose, port });
        else held.set(worker.name, [...held.get(worker.name) ?? [], hand]);
      }
    }
  }
  return {
    taken,
    release(worker) {
      for (const hand of held.get(worker) ?? []) hand.release();
      held.delete(worker);
    },
  };
}
