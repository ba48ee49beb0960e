// Workers that an administrator adds and removes while the router runs, laid over the fleet's own picture.
//
//   added ── answers its probe ──► ready ── removed ──► draining ── nothing in flight ──► gone
//     (starting)

import type { Role, WorkerFacts } from "../../kv/connector.ts";
import { externalWorker } from "../../plan/external_worker.ts";
import { factsOf } from "../../plan/plan.ts";
import type { FleetSnapshot, FleetView, WorkerSnapshot, WorkerState } from "../../supervisor/snapshot.ts";

export interface AddedWorkers extends FleetView {
  /** Null when the URL names no worker. What stands behind `#` are its ports and sizes, as with --prefill. */
  add(url: string, role: Role): WorkerFacts | null;
  /** False when there is no such worker. Its requests finish; a worker of the fleet is only left alone. */
  remove(name: string): boolean;
  /** Names of those that have not been marked ready yet. */
  starting(): readonly string[];
  markReady(name: string): void;
  /** The worker has nothing in flight any more. */
  forget(name: string): void;
}

const draining: WorkerState = { is: "draining", deadlineMs: Infinity };

/** One for a fleet, whichever router asks: what was added and removed outlives a reload, which makes another router. */
export function addedWorkersOf(fleet: FleetView): AddedWorkers {
  const known = ofFleets.get(fleet) ?? makeAddedWorkers(fleet);
  ofFleets.set(fleet, known);
  return known;
}

const ofFleets = new WeakMap<FleetView, AddedWorkers>();

function makeAddedWorkers(fleet: FleetView): AddedWorkers {
  const added = new Map<string, WorkerSnapshot>();
  const removed = new Set<string>();
  const listeners = new Set<(snapshot: FleetSnapshot) => void>();
  let changes = 0;
  let counter = 0;
  const snapshot = (): FleetSnapshot => {
    const below = fleet.snapshot();
    if (changes === 0) return below;
    const workers = [...below.workers, ...added.values()];
    const shown = workers.map((worker) => removed.has(worker.facts.name) ? { ...worker, state: draining } : worker);
    return { ...below, epoch: below.epoch + changes, workers: shown };
  };
  const changed = () => {
    changes++;
    for (const listener of listeners) listener(snapshot());
  };
  return {
    snapshot,
    subscribe(listener) {
      // The first listener is told of the fleet's changes for all of them.
      const unsubscribe = fleet.subscribe(() => listener(snapshot()));
      listeners.add(listener);
      return () => {
        unsubscribe();
        listeners.delete(listener);
      };
    },
    add(url, role) {
      const worker = workerAt(url, role, counter);
      if (worker === null) return null;
      counter++;
      added.set(worker.facts.name, worker);
      changed();
      return worker.facts;
    },
    remove(name) {
      const known = snapshot().workers.some(({ facts }) => facts.name === name) && !removed.has(name);
      if (known) {
        removed.add(name);
        changed();
      }
      return known;
    },
    starting: () => [...added.values()].filter(({ state }) => state.is === "starting").map(({ facts }) => facts.name),
    markReady(name) {
      const worker = added.get(name);
      if (worker === undefined || worker.state.is === "ready") return;
      added.set(name, { ...worker, state: { is: "ready" } });
      changed();
    },
    forget(name) {
      if (!added.delete(name)) return;
      removed.delete(name);
      changed();
    },
  };
}

function workerAt(url: string, role: Role, index: number): WorkerSnapshot | null {
  const plan = externalWorker(url, role, index, {});
  if (plan === null || plan.external === null) return null;
  const facts = { ...factsOf(plan), name: `${role}-added-${index}` };
  const state: WorkerState = { is: "starting", stage: { name: "booting" }, sinceMs: 0 };
  return { facts, url: plan.external, state, generation: 1, pid: null };
}
