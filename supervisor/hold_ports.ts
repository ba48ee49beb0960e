// Keeps the plan's ports from everybody else until the workers take them, and from other pdserves to the end.

import type { WorkerPlan } from "../plan/plan.ts";
import { claimPort, type Hold, holdPort } from "./native.ts";

export interface PortKeeper {
  /** From everybody, until released. */
  hold(host: string, port: number): Hold | null;
  /** From other pdserves, until released. */
  claim(port: number): Hold | null;
}

export const portKeeper: PortKeeper = { hold: holdPort, claim: claimPort };

export interface TakenPort {
  readonly worker: WorkerPlan;
  readonly purpose: string;
  readonly port: number;
}

export interface HeldPorts {
  /** Ports that somebody else took since the plan was made. */
  readonly taken: readonly TakenPort[];
  /** The worker has its ports now, or needs none any more. */
  release(worker: string): void;
  /** The run needs none of them any more. */
  giveUp(): void;
}

/**
 * Ports that the engine finds by trying a plain bind (vLLM's VLLM_PORT scan) would look taken while they are held; they are
 * only claimed.
 */
const foundByTrying = new Set(["internal"]);

export function holdPorts(workers: readonly WorkerPlan[], keeper: PortKeeper): HeldPorts {
  const held = new Map<string, Hold[]>();
  const claims: Hold[] = [];
  const taken: TakenPort[] = [];
  for (const worker of workers.filter(({ external }) => external === null)) {
    const holds: Hold[] = [];
    held.set(worker.name, holds);
    for (const { purpose, port } of portsOf(worker)) {
      const claim = keeper.claim(port);
      const hold = foundByTrying.has(purpose) ? claim : keeper.hold(worker.host, port);
      if (claim === null || hold === null) taken.push({ worker, purpose, port });
      if (claim !== null) claims.push(claim);
      if (hold !== null && hold !== claim) holds.push(hold);
    }
  }
  return {
    taken,
    release: (worker) => held.get(worker)?.splice(0).forEach((hold) => hold.release()),
    giveUp() {
      for (const hold of [...held.values()].flat()) hold.release();
      for (const claim of claims) claim.release();
    },
  };
}

function portsOf({ ports }: WorkerPlan): readonly { readonly purpose: string; readonly port: number }[] {
  return Object.entries(ports).flatMap(([purpose, numbers]) => numbers.map((port) => ({ purpose, port })));
}
