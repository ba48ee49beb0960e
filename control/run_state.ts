// The state of a run as programs read it: GET /state, `pdserve status -o json`, the dashboard. Schema 1 only grows.

import type { FleetSnapshot, WorkerSnapshot, WorkerState } from "../supervisor/snapshot.ts";
import { type RouterNumbers, routerNumbers, staleWorkers } from "./router_numbers.ts";
import type { WorkerPast } from "./worker_history.ts";

/** `ready`: all workers serve. `degraded`: requests are served, but not by all. `down`: none can be served. */
export type Verdict = "starting" | "ready" | "degraded" | "down" | "stopping";

export interface WorkerEntry {
  readonly name: string;
  readonly role: string;
  readonly gpus: readonly string[];
  readonly url: string;
  readonly pid: number | null;
  readonly generation: number;
  readonly state: WorkerState["is"];
  /** What it is waiting for or doing within that state; null when there is nothing to tell. */
  readonly detail: string | null;
  readonly since: string | null;
  /** When its next process starts; null where none is waited for. */
  readonly retry_at: string | null;
  readonly restarts: number;
  readonly requests: number;
  readonly handoffs: number;
  /** Share of its KV cache in use, 0 to 1; null when it was not asked or does not tell. */
  readonly kv_usage: number | null;
  readonly waiting: number | null;
  readonly last_failure:
    | null
    | {
      readonly at: string;
      readonly during: string;
      readonly what: string;
      readonly why: string;
      readonly fix: string;
    };
}

export interface RunState extends RouterNumbers {
  readonly schema: 1;
  readonly run_id: string;
  readonly name: string;
  readonly url: string;
  readonly model: string;
  readonly engine: string;
  readonly connector: string;
  readonly plan_id: string;
  readonly epoch: number;
  readonly phase: FleetSnapshot["phase"];
  readonly verdict: Verdict;
  readonly reason: string | null;
  readonly workers: readonly WorkerEntry[];
}

export type RunFacts = Pick<RunState, "run_id" | "name" | "url" | "model" | "engine" | "connector" | "plan_id"> & {
  readonly gpusOf: (worker: string) => readonly string[];
};

export interface StateSources {
  readonly facts: RunFacts;
  readonly snapshot: FleetSnapshot;
  readonly past: (worker: string) => WorkerPast;
  readonly load: (worker: string) => { readonly requests: number; readonly handoffs: number };
  /** The router's own series. */
  readonly metricsText: string;
  /** What single workers told of their load. */
  readonly told: (worker: string) => { readonly kvUsage: number | null; readonly waiting: number | null };
}

/** Members are named one by one: the workers' key must not slip in. */
export function runState(sources: StateSources): RunState {
  const { facts: { gpusOf, ...facts }, snapshot: { epoch, phase, workers }, metricsText } = sources;
  const stale = staleWorkers(metricsText);
  const { verdict, reason } = judge(phase, workers, stale);
  const entries = workers.map((worker) => {
    const entry = entryOf(worker, gpusOf(worker.facts.name), sources);
    return stale.has(entry.name) ? { ...entry, detail: "stale weights" } : entry;
  });
  return { schema: 1, ...facts, epoch, phase, verdict, reason, ...routerNumbers(metricsText), workers: entries };
}

/** Exported for its test. */
export function judge(
  phase: FleetSnapshot["phase"],
  workers: readonly Pick<WorkerSnapshot, "facts" | "state">[],
  stale: ReadonlySet<string> = new Set(),
): { readonly verdict: Verdict; readonly reason: string | null } {
  if (phase === "starting") return { verdict: "starting", reason: "the workers are starting" };
  if (phase !== "serving") return { verdict: "stopping", reason: "the run is ending" };
  const serving = workers.filter(({ facts, state }) => state.is === "ready" && !stale.has(facts.name));
  const away = workers.filter((worker) => !serving.includes(worker));
  if (away.length === 0) return { verdict: "ready", reason: null };
  const ready = new Set(serving.map(({ facts }) => facts.role));
  const words = ({ is }: WorkerState) => is === "ready" ? "has stale weights" : stateWords[is];
  const reason = away.map(({ facts, state }) => `${facts.name} ${words(state)}`).join(", ");
  const serves = ready.has("regular") || (ready.has("prefill") && ready.has("decode"));
  return { verdict: serves ? "degraded" : "down", reason };
}

const stateWords: Readonly<Record<WorkerState["is"], string>> = {
  planned: "is planned",
  starting: "is starting",
  proving: "is being proven",
  ready: "is ready",
  draining: "is draining",
  stopping: "is stopping",
  stopped: "is stopped",
  backoff: "will restart",
  failed: "has failed",
  fatal: "was given up",
};

function entryOf(worker: WorkerSnapshot, gpus: readonly string[], { past, load, told }: StateSources): WorkerEntry {
  const { facts: { name, role }, url, pid, generation, state } = worker;
  const { since, lastFailure } = past(name);
  const { kvUsage, waiting } = told(name);
  const { requests, handoffs } = load(name);
  const { what, why, fix } = lastFailure?.diagnosis ?? { what: "", why: "", fix: "" };
  const retryAt = state.is === "backoff" ? new Date(state.untilMs).toISOString() : null;
  return {
    ...{ name, role, gpus, url, pid, generation, state: state.is, detail: detailOf(state), since, retry_at: retryAt },
    ...{ restarts: Math.max(0, generation - 1), requests, handoffs, kv_usage: kvUsage, waiting },
    last_failure: lastFailure === null ? null : { at: lastFailure.at, during: lastFailure.during, what, why, fix },
  };
}

function detailOf(state: WorkerState): string | null {
  switch (state.is) {
    case "starting": {
      const { name, done, of } = state.stage;
      return done === undefined || of === undefined ? name : `${name} ${done}/${of}`;
    }
    case "draining":
      return state.deadlineMs === null ? "until undrain" : null;
    case "backoff":
      return `attempt ${state.attempt}`;
    default:
      return null;
  }
}
