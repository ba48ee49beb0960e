// Which workers have the weights that the trainer sent last. One that restarts comes back with those of its checkpoint, and
// one that failed at an update has kept the old ones: neither may serve beside the others until it has the new ones.
//
//   unsure ── its own word ──► has ◄── update, replay, somebody's word ── misses
//                               └─── restart, an update without it ─────────┘

import type { FleetView, WorkerSnapshot } from "../supervisor/snapshot.ts";

/** One process of a worker; the next one of the same worker has other weights. */
export type Process = Pick<WorkerSnapshot, "facts" | "generation">;

export type Holding = "has" | "misses" | "unsure";

/** A call that brought weights to the workers. */
export interface Update {
  /** With query. */
  readonly path: string;
  readonly body: Uint8Array;
  /** It names all that is needed, as a folder does, so one worker alone can do it later. A broadcast needs its trainer. */
  readonly isWhole: boolean;
}

export interface Group {
  /** The call by which it was joined. */
  readonly path: string;
  readonly size: number;
  /** False for a later process of a worker that has joined. */
  has(worker: Process): boolean;
}

export function groupOf(path: string, workers: readonly Process[]): Group {
  const ids = new Set(workers.map(idOf));
  return { path, size: ids.size, has: (worker) => ids.has(idOf(worker)) };
}

export interface Weights {
  /** What the last update has brought; null before the first. */
  readonly version: string | null;
  readonly last: Update | null;
  /** A trainer has paused the engines and will resume them itself. */
  isPaused: boolean;
  /** Their memory is given away, to a trainer on the same GPUs. */
  isAsleep: boolean;
  /** The engines make no token because somebody wants them not to. */
  readonly isHeld: boolean;
  /** Calls that are one update together are under way. */
  readonly isOpen: boolean;
  holding(worker: Process): Holding;
  open(workers: readonly Process[]): void;
  close(): void;
  /** `took` did the call; of those that did not take part from the update's first call on nothing is kept. */
  bring(update: Update, took: readonly Process[], version: string | null): void;
  /** LoRA adapters by name with the calls that loaded them: trainers bring these as others bring whole weights. */
  readonly adapters: Map<string, Update>;
  /** `took` has loaded it, the others of `asked` have not. */
  load(adapter: string, update: Update, asked: readonly Process[], took: readonly Process[]): void;
  /** The version of what the workers have now, by a call that brings nothing. */
  name(version: string, workers: readonly Process[]): void;
  /** Who takes part in the trainer's broadcast; null where nobody has joined one. */
  group: Group | null;
  accept(worker: Process): void;
  miss(worker: Process): void;
  /** Called when a worker may serve that could not, or the other way round. */
  subscribe(listener: () => void): () => void;
}

/** Who gets workers with old weights back; weight_watch.ts. */
export interface WeightWatch {
  look(): Promise<void>;
  /** No worker reads weights again any more: the next update would meet it half done. */
  settled(): Promise<void>;
  close(): void;
}

/** One for a fleet, whichever router asks: a reload makes another router, and the workers keep their weights. */
export function weightsOf(fleet: FleetView, asksRestarted: boolean): Weights {
  const known = ofFleets.get(fleet) ?? makeWeights(asksRestarted);
  ofFleets.set(fleet, known);
  return known;
}

const ofFleets = new WeakMap<FleetView, Weights>();

/** `asksRestarted`: a worker that restarts is asked what it has, because trainers may have updated the others directly. */
export function makeWeights(asksRestarted: boolean): Weights {
  let version: string | null = null;
  let last: Update | null = null;
  let since: ReadonlySet<string> | null = null;
  const adapters = new Map<string, Update>();
  const untold = ({ generation }: Process): Holding => {
    if (version !== null || adapters.size > 0) return "misses";
    return generation > 1 && asksRestarted ? "unsure" : "has";
  };
  const { holding, set, forget, subscribe } = makeHoldings(untold);
  return {
    get version() {
      return version;
    },
    get last() {
      return last;
    },
    isPaused: false,
    isAsleep: false,
    get isHeld() {
      return this.isPaused || this.isAsleep || since !== null;
    },
    group: null,
    get isOpen() {
      return since !== null;
    },
    holding,
    open: (workers) => void (since ??= new Set(workers.map(idOf))),
    close: () => void (since = null),
    bring(update, took, said) {
      if (took.length === 0) return;
      const begun = since;
      const whole = update.isWhole || begun === null ? took : took.filter((worker) => begun.has(idOf(worker)));
      if (begun !== null && !update.isWhole) since = new Set(whole.map(idOf));
      version = said ?? String(Number(version ?? 0) + 1 || 1);
      last = update;
      forget();
      set(whole, "has");
    },
    adapters,
    load(adapter, update, asked, took) {
      if (took.length === 0) return;
      const others = version !== null || [...adapters.keys()].some((name) => name !== adapter);
      const lacked = asked.filter((worker) => !took.includes(worker) || (others && holding(worker) === "misses"));
      const has = asked.filter((worker) => !lacked.includes(worker));
      adapters.set(adapter, update);
      set(has, "has");
      set(lacked, "misses");
    },
    name(said, workers) {
      const isFirst = version === null;
      version = said;
      if (isFirst) set(workers, "has");
    },
    accept: (worker) => set([worker], "has"),
    miss: (worker) => set([worker], "misses"),
    subscribe,
  };
}

/** Who has what, as far as it is known, and who wants to hear of it. */
function makeHoldings(untold: (worker: Process) => Holding) {
  const known = new Map<string, Holding>();
  const listeners = new Set<() => void>();
  return {
    holding: (worker: Process): Holding => known.get(idOf(worker)) ?? untold(worker),
    set(workers: readonly Process[], holding: Holding) {
      for (const worker of workers) known.set(idOf(worker), holding);
      for (const listener of listeners) listener();
    },
    forget: () => known.clear(),
    subscribe(listener: () => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function idOf({ facts, generation }: Process): string {
  return `${facts.name}#${generation}`;
}
