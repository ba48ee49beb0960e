// Which workers may be given a request now, with what the router itself knows of each.

import type { Role } from "../kv/connector.ts";
import type { FleetSnapshot, FleetView, WorkerSnapshot } from "../supervisor/snapshot.ts";
import { type Gate, makeGate } from "./admission.ts";
import type { Candidate } from "./policies/policy.ts";

/** One worker across its restarts. */
export interface Slot extends Candidate {
  readonly name: string;
  /** Legs of ours that run on it. */
  inFlight: number;
  outstandingTokens: number;
  /** Answers this decode worker gave from KV that was handed over. */
  handedOver: number;
  /** Requests it was given whole: begun so far, and running now. */
  wholeStarted: number;
  wholeRunning: number;
  worker: WorkerSnapshot;
  /** Requests it answers at once: a decode worker's or a whole one's. */
  readonly room: Gate;
  /** Handoffs that pin its KV: from the prefill leg's start until decode's first byte. */
  readonly window: Gate;
  /** The requests in that window, to be told when the worker goes. */
  readonly handingOver: Set<{ lostMaker(): void }>;
}

export interface Roster {
  /** The same array until the fleet changes. */
  readonly prefill: readonly Slot[];
  readonly decode: readonly Slot[];
  readonly regular: readonly Slot[];
  readonly encode: readonly Slot[];
  readonly phase: FleetSnapshot["phase"];
  readonly workerApiKey: string | null;
  /** Any worker of the fleet, whatever its state: the canary runs before a worker is ready. */
  named(name: string): Slot | null;
  all(): readonly Slot[];
  close(): void;
}

export interface RosterOptions {
  readonly maxHandoffs: number;
  readonly maxWorkerInFlight: number;
  readonly maxQueue: number;
  /** A worker became another process, or went: nothing kept for the old one is of use. */
  readonly onGone: (worker: WorkerSnapshot) => void;
}

export function makeRoster(fleet: FleetView, options: RosterOptions): Roster {
  const slots = new Map<string, Slot>();
  let ready: Readonly<Record<Role, readonly Slot[]>> = { prefill: [], decode: [], regular: [], encode: [] };
  let snapshot = fleet.snapshot();

  const letGo = (slot: Slot) => {
    options.onGone(slot.worker);
    for (const request of [...slot.handingOver]) request.lostMaker();
  };
  const update = (next: FleetSnapshot) => {
    snapshot = next;
    const present = new Set(next.workers.map((worker) => worker.facts.name));
    for (const [name, slot] of slots) {
      if (present.has(name)) continue;
      letGo(slot);
      slots.delete(name);
    }
    for (const worker of next.workers) {
      const slot = slots.get(worker.facts.name);
      if (slot === undefined) slots.set(worker.facts.name, newSlot(worker, options));
      else {
        if (slot.worker.generation !== worker.generation) letGo(slot);
        slot.worker = worker;
      }
    }
    const of = (role: Role) =>
      [...slots.values()].filter(({ worker }) => worker.facts.role === role && worker.state.is === "ready");
    ready = { prefill: of("prefill"), decode: of("decode"), regular: of("regular"), encode: of("encode") };
  };
  update(snapshot);
  const unsubscribe = fleet.subscribe(update);

  return {
    get prefill() {
      return ready.prefill;
    },
    get decode() {
      return ready.decode;
    },
    get regular() {
      return ready.regular;
    },
    get encode() {
      return ready.encode;
    },
    get phase() {
      return snapshot.phase;
    },
    get workerApiKey() {
      return snapshot.workerApiKey;
    },
    named: (name) => slots.get(name) ?? null,
    all: () => [...slots.values()],
    close: unsubscribe,
  };
}

function newSlot(worker: WorkerSnapshot, { maxHandoffs, maxQueue, maxWorkerInFlight }: RosterOptions): Slot {
  const window = makeGate({ inside: maxHandoffs, waiting: maxQueue });
  const room = makeGate({ inside: maxWorkerInFlight, waiting: maxQueue });
  const counts = { inFlight: 0, outstandingTokens: 0, handedOver: 0, wholeStarted: 0, wholeRunning: 0 };
  return { name: worker.facts.name, ...counts, worker, room, window, handingOver: new Set() };
}
