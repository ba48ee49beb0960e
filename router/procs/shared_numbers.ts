// The numbers of all router processes together, in the memory they share.

import type { HandleTally, Outcome } from "../../kv/ledger.ts";
import type { GateLimits, Numbers } from "../numbers.ts";
import { makeSharedAborts } from "./shared_aborts.ts";
import { commonCell, type RowPart, type SharedCells } from "./shared_cells.ts";
import { sharedCount } from "./shared_count.ts";
import { makeSharedGate } from "./shared_gate.ts";
import { makeSharedHealth } from "./shared_health.ts";
import { makeSharedLoad } from "./shared_load.ts";
import type { WorkerNumbers } from "./worker_numbers.ts";

export interface SharedNumbersParts {
  readonly shared: SharedCells;
  readonly numbers: WorkerNumbers;
  /** The router's clock in milliseconds, the same in all processes, and when the memory was made on it. */
  readonly now: () => number;
  readonly madeAtMs: number;
  /** In [0, 1). */
  readonly random: () => number;
}

const outcomes: readonly Outcome[] = ["done", "failed", "expired", "released", "leaked"];
const handleStates = ["opened", "spent", ...outcomes] as const;

export function makeSharedNumbers(parts: SharedNumbersParts): Numbers {
  const { shared, numbers, now, madeAtMs, random } = parts;
  const count = (part: RowPart, worker = 0) => sharedCount(shared, part, worker);
  const gate = (limits: GateLimits, insideAt: RowPart, waitingAt: RowPart, worker: number, placesAt: number | null) => {
    const places = placesAt === null ? asSet : placesIn(shared, placesAt);
    return makeSharedGate(limits, {
      inside: count(insideAt, worker),
      waiting: count(waitingAt, worker),
      places,
      random,
    });
  };
  const numberOf = (worker: string) => {
    const number = numbers.of(worker);
    if (number === null) throw new Error(`${worker} has no number among the router processes`);
    return number;
  };
  const states = handleStates.map((state) => [state, count(state)] as const);
  return {
    gate: (limits) => gate(limits, "inside", "waiting", 0, 0),
    load: (worker) => makeSharedLoad(shared, numberOf(worker)),
    room: (worker, limits) => gate(limits, "roomInside", "roomWaiting", numberOf(worker), null),
    window: (worker, limits) => {
      const number = numberOf(worker);
      return gate(limits, "windowInside", "windowWaiting", number, 1 + number);
    },
    health: (limits) => makeSharedHealth({ shared, numbers, now: () => now() - madeAtMs }, limits),
    aborts: makeSharedAborts(shared, now, madeAtMs),
    served: count("served"),
    handles: tallyIn(shared),
    handlesByState(own) {
      // Handles whose lease has run out are found out by looking.
      own.counts();
      return Object.fromEntries(states.map(([state, { sum }]) => [state, sum]));
    },
    part: shared.part,
  };
}

/** Only the way in and the windows are ever made smaller. */
const asSet = { get: () => 0, set: () => {} };

function placesIn({ cells }: SharedCells, index: number) {
  const at = commonCell("places", index);
  return { get: () => Atomics.load(cells, at), set: (value: number) => void Atomics.store(cells, at, value) };
}

function tallyIn(shared: SharedCells): HandleTally {
  const opened = sharedCount(shared, "opened");
  const spent = sharedCount(shared, "spent");
  const ended = Object.fromEntries(outcomes.map((outcome) => [outcome, sharedCount(shared, outcome)]));
  return { opened: opened.add, spent: spent.add, ended: (outcome) => ended[outcome]!.add(1) };
}
