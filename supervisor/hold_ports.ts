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
  /**
   * Holds the ports of a worker's next process, by purpose: its own where nobody listens on them, else the next free ones
   * above. Null when there are none. A worker that was not in the plan gets its first ones so.
   */
  again(worker: WorkerPlan): Readonly<Record<string, readonly number[]>> | null;
  /** The worker will have no further process. */
  forget(worker: string): void;
  /** The run needs none of them any more. */
  giveUp(): void;
}

/**
 * Ports that the engine finds by trying a plain bind (vLLM's VLLM_PORT scan) would look taken while they are held; they are
 * only claimed.
 */
const foundByTrying = new Set(["internal"]);

/** How far above its old ports a worker's next ones may be. */
const searchedPorts = 500;

export function holdPorts(workers: readonly WorkerPlan[], keeper: PortKeeper): HeldPorts {
  const held = new Map<string, Hold[]>();
  const claims = new Map<string, Hold[]>();
  const taken: TakenPort[] = [];
  for (const worker of workers.filter(({ external }) => external === null)) {
    const holds: Hold[] = [];
    const claimed: Hold[] = [];
    held.set(worker.name, holds);
    claims.set(worker.name, claimed);
    for (const { purpose, port } of portsOf(worker)) {
      const claim = keeper.claim(port);
      const hold = foundByTrying.has(purpose) ? claim : keeper.hold(worker.host, port);
      if (claim === null || hold === null) taken.push({ worker, purpose, port });
      if (claim !== null) claimed.push(claim);
      if (hold !== null && hold !== claim) holds.push(hold);
    }
  }
  const release = (worker: string) => releaseAll(held.get(worker));
  return {
    taken,
    release,
    again(worker) {
      release(worker.name);
      const isNew = !claims.has(worker.name);
      const found: Record<string, readonly number[]> = {};
      for (const [purpose, numbers] of Object.entries(worker.ports)) {
        const hold = foundByTrying.has(purpose) ? noHold : keeper.hold;
        const io = { claim: keeper.claim, hold: (port: number) => hold(worker.host, port) };
        const next = isNew ? newPorts(numbers, io) : samePorts(numbers, io) ?? nextPorts(numbers, io);
        if (next === null) return null;
        held.set(worker.name, [...held.get(worker.name) ?? [], ...next.holds]);
        claims.set(worker.name, [...claims.get(worker.name) ?? [], ...next.claims]);
        found[purpose] = next.numbers;
      }
      return found;
    },
    forget(worker) {
      release(worker);
      releaseAll(claims.get(worker));
      claims.delete(worker);
    },
    giveUp() {
      for (const holds of [...held.values(), ...claims.values()]) releaseAll(holds);
    },
  };
}

function releaseAll(holds: Hold[] = []): void {
  for (const hold of holds.splice(0)) hold.release();
}

interface NextPorts {
  readonly numbers: readonly number[];
  readonly holds: readonly Hold[];
  readonly claims: readonly Hold[];
}

interface PortIo {
  hold(port: number): Hold | null;
  claim(port: number): Hold | null;
}

const noHold = () => ({ release() {} });

/** The worker's own numbers are claimed already. */
function samePorts(own: readonly number[], { hold }: PortIo): NextPorts | null {
  const holds = takeAll(own.map(hold));
  return holds === null ? null : { numbers: own, holds, claims: [] };
}

function nextPorts(own: readonly number[], io: PortIo): NextPorts | null {
  return portsFrom(Math.max(...own) + 1, own.length, io);
}

/** What it was planned with may be another worker's by now. */
function newPorts(planned: readonly number[], io: PortIo): NextPorts | null {
  return portsFrom(Math.min(...planned), planned.length, io);
}

function portsFrom(from: number, count: number, { hold, claim }: PortIo): NextPorts | null {
  for (let first = from; first < Math.min(from + searchedPorts, 65_536 - count); first++) {
    const numbers = Array.from({ length: count }, (_, step) => first + step);
    const claims = takeAll(numbers.map(claim));
    if (claims === null) continue;
    const holds = takeAll(numbers.map(hold));
    if (holds !== null) return { numbers, holds, claims };
    for (const one of claims) one.release();
  }
  return null;
}

/** All or none. */
function takeAll(holds: readonly (Hold | null)[]): readonly Hold[] | null {
  const got = holds.filter((hold) => hold !== null);
  if (got.length === holds.length) return got;
  for (const hold of got) hold.release();
  return null;
}

function portsOf({ ports }: WorkerPlan): readonly { readonly purpose: string; readonly port: number }[] {
  return Object.entries(ports).flatMap(([purpose, numbers]) => numbers.map((port) => ({ purpose, port })));
}
