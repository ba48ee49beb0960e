// The numbers that limits, policies and quarantine go by. Usually they are this process's own, in plain fields; where several
// router processes share one port they are those of all together, in procs/shared_numbers.ts.

import type { HandleTally, Ledger } from "../kv/ledger.ts";
import { type Gate, makeGate } from "./admission.ts";
import type { AskedAborts } from "./engine_abort.ts";
import { makeWorkerHealth, type QuarantineLimits, type WorkerHealth } from "./worker_health.ts";

export type GateLimits = Parameters<typeof makeGate>[0];

export interface Numbers {
  /** The way in. */
  gate(limits: GateLimits): Gate;
  /** What is known of one worker, across its restarts. */
  load(worker: string): WorkerLoad;
  room(worker: string, limits: GateLimits): Gate;
  window(worker: string, limits: GateLimits): Gate;
  health(limits: QuarantineLimits): WorkerHealth;
  /** What administrators have asked for; null where this process hears of all of it. */
  readonly aborts: AskedAborts | null;
  /** Requests served so far. */
  readonly served: Count;
  /** Told by this process's ledger; null where that is all there is to count. */
  readonly handles: HandleTally | null;
  /** KV handles by state: `opened`, `spent`, and how they ended. */
  handlesByState(own: Ledger): Readonly<Record<string, number>>;
  /** This process is number `at` of `of`, for what is dealt out and not counted. */
  readonly part: Part;
}

export interface Part {
  readonly at: number;
  readonly of: number;
}

export interface Count {
  add(by: number): void;
  /** Of all router processes. */
  readonly sum: number;
}

/** What runs on a worker for the clients of all router processes. */
export interface WorkerLoad {
  readonly inFlight: number;
  /** Prompt tokens of those requests, estimated from their bodies' bytes. */
  readonly outstandingTokens: number;
  /** Answers this decode worker gave from KV that was handed over. */
  readonly handedOver: number;
  /** Requests it was given whole: begun so far, and running now. */
  readonly wholeStarted: number;
  readonly wholeRunning: number;
  legStarts(tokens: number, isWhole: boolean): void;
  legEnds(tokens: number, isWhole: boolean): void;
  takesOver(): void;
}

export const alone: Part = { at: 0, of: 1 };

export function makeOwnNumbers(now: () => number): Numbers {
  return {
    gate: makeGate,
    load: makeOwnLoad,
    room: (_worker, limits) => makeGate(limits),
    window: (_worker, limits) => makeGate(limits),
    health: (limits) => makeWorkerHealth(now, limits),
    aborts: null,
    served: makeOwnCount(),
    handles: null,
    handlesByState,
    part: alone,
  };
}

export function makeOwnCount(): Count {
  let sum = 0;
  return {
    add: (by) => void (sum += by),
    get sum() {
      return sum;
    },
  };
}

export function makeOwnLoad(): WorkerLoad {
  const load = {
    ...{ inFlight: 0, outstandingTokens: 0, handedOver: 0, wholeStarted: 0, wholeRunning: 0 },
    legStarts(tokens: number, isWhole: boolean) {
      load.inFlight++;
      load.outstandingTokens += tokens;
      if (isWhole) load.wholeStarted++;
      if (isWhole) load.wholeRunning++;
    },
    legEnds(tokens: number, isWhole: boolean) {
      load.inFlight--;
      load.outstandingTokens -= tokens;
      if (isWhole) load.wholeRunning--;
    },
    takesOver: () => void load.handedOver++,
  };
  return load;
}

function handlesByState(ledger: Ledger): Readonly<Record<string, number>> {
  const { opened, spent, ended } = ledger.counts();
  const states: Record<string, number> = { opened, spent };
  for (const outcomes of Object.values(ended)) {
    for (const [outcome, count] of Object.entries(outcomes)) states[outcome] = (states[outcome] ?? 0) + count;
  }
  return states;
}
