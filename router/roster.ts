// Which workers may be given a request now, with what the router itself knows of each.

import type { Role } from "../kv/connector.ts";
import type { FleetSnapshot, FleetView, WorkerSnapshot } from "../supervisor/snapshot.ts";
import type { Gate } from "./admission.ts";
import type { Numbers, WorkerLoad } from "./numbers.ts";
import type { Candidate } from "./policies/policy.ts";
import type { Weights } from "./weights.ts";

/** One worker across its restarts. */
export interface Slot extends Candidate, WorkerLoad {
  readonly name: string;
  readonly inFlight: number;
  readonly outstandingTokens: number;
  worker: WorkerSnapshot;
  /** Requests it answers at once: a decode worker's or a whole one's. */
  readonly room: Gate;
  /** Handoffs that pin its KV: from the prefill leg's start until decode's first byte. */
  readonly window: Gate;
  /** This process's requests in that window, to be told when the worker goes. */
  readonly handingOver: Set<{ lostMaker(): void }>;
}

export interface Roster {
  /** The same array until the fleet changes. */
  readonly prefill: readonly Slot[];
  readonly decode: readonly Slot[];
  readonly regular: readonly Slot[];
  readonly encode: readonly Slot[];
  /** Ready, but without the weights of the trainer's last update: they get no request. */
  readonly stale: readonly Slot[];
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
  readonly weights: Pick<Weights, "holding" | "subscribe">;
  readonly numbers: Pick<Numbers, "load" | "room" | "window">;
}

export function makeRoster(fleet: FleetView, options: RosterOptions): Roster {
  const slots = new Map<string, Slot>();
  let ready = sortedOut([], options.weights);
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
    sortOut();
  };
  const sortOut = () => void (ready = sortedOut([...slots.values()], options.weights));
  update(snapshot);
  const endings = [fleet.subscribe(update), options.weights.subscribe(sortOut)];

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
    get stale() {
      return ready.stale;
    },
    get phase() {
      return snapshot.phase;
    },
    get workerApiKey() {
      return snapshot.workerApiKey;
    },
    named: (name) => slots.get(name) ?? null,
    all: () => [...slots.values()],
    close() {
      for (const end of endings) end();
    },
  };
}

type Sorted = Readonly<Record<Role | "stale", readonly Slot[]>>;

/** Encoders make no tokens: a trainer brings them nothing. */
function sortedOut(slots: readonly Slot[], weights: Pick<Weights, "holding">): Sorted {
  const able = slots.filter(({ worker }) => worker.state.is === "ready");
  const stale = able.filter(({ worker }) => worker.facts.role !== "encode" && weights.holding(worker) !== "has");
  const of = (role: Role) => able.filter((slot) => slot.worker.facts.role === role && !stale.includes(slot));
  return { prefill: of("prefill"), decode: of("decode"), regular: of("regular"), encode: of("encode"), stale };
}

function newSlot(worker: WorkerSnapshot, { maxHandoffs, maxQueue, maxWorkerInFlight, numbers }: RosterOptions): Slot {
  const { name } = worker.facts;
  const window = numbers.window(name, { inside: maxHandoffs, waiting: maxQueue });
  const room = numbers.room(name, { inside: maxWorkerInFlight, waiting: maxQueue });
  // Onto the load itself: shared ones are read through getters, which a copy would freeze.
  return Object.assign(numbers.load(name), { name, worker, room, window, handingOver: new Set<never>() });
}
