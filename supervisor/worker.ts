// A worker's life: what happens next, decided in one pure function. supervisor/DESIGN.md draws it.

import type { Diagnosis, Stage } from "./engines/engine.ts";
import { doesNotEnd, overdue } from "./plain_diagnoses.ts";
import { decideRestart, type RestartRule } from "./restart.ts";
import type { WorkerState } from "./snapshot.ts";

/** All that is remembered of a worker between two events. */
export interface WorkerLife {
  readonly state: WorkerState;
  /** 0 before the first process, then that process's number. */
  readonly generation: number;
  readonly failedAtMs: readonly number[];
  /** When to send `alarm`; null when nothing is waited for. */
  readonly alarmMs: number | null;
}

export type WorkerEvent =
  | { readonly is: "start" }
  | { readonly is: "progress"; readonly stage: Stage }
  | { readonly is: "healthy" }
  | { readonly is: "proven" }
  /** The process ended, could not be started, or will never serve. `diagnosis` is what is known before its log is read. */
  | { readonly is: "broken"; readonly diagnosis: Diagnosis }
  /** Its log says that it is ending by itself. */
  | { readonly is: "dying" }
  /** It runs, but a canary showed that no KV reaches it. */
  | { readonly is: "refuted"; readonly diagnosis: Diagnosis }
  /** Its log has been read to the end. */
  | { readonly is: "explained"; readonly diagnosis: Diagnosis }
  /** `deadlineMs` is null when it is only taken out of service. */
  | { readonly is: "drain"; readonly deadlineMs: number | null }
  | { readonly is: "undrain" }
  /** SIGTERM, and SIGKILL after `graceMs`; 0 is at once. */
  | { readonly is: "stop"; readonly graceMs: number }
  /** No process of it is left and its GPU memory is back; or what is left will not go. */
  | { readonly is: "gone"; readonly left: Diagnosis | null }
  | { readonly is: "alarm" };

export type WorkerEffect =
  /** Start a process of this generation, once the one before is gone. */
  | { readonly is: "spawn"; readonly generation: number }
  /** Its ports are its own now, or not needed any more. */
  | { readonly is: "release-ports" }
  | { readonly is: "terminate" }
  | { readonly is: "kill" }
  /** Read the log to its end and send `explained`. */
  | { readonly is: "explain" }
  | { readonly is: "report"; readonly diagnosis: Diagnosis };

export interface WorkerRule {
  readonly name: string;
  /** Limit for a starting worker, counted from its last progress. */
  readonly startupTimeoutMs: number;
  /** How long children may outlive a leader that left as asked. */
  readonly lingerMs: number;
  readonly restart: RestartRule;
}

export interface Step {
  readonly life: WorkerLife;
  readonly effects: readonly WorkerEffect[];
}

/** vLLM takes up to ten seconds to end after its engine died, and has been seen to stay for ever. */
const DYING_LIMIT_MS = 60_000;

export const plannedLife: WorkerLife = { state: { is: "planned" }, generation: 0, failedAtMs: [], alarmMs: null };

/** What a worker does next. An event that comes too late for its state changes nothing. */
export function step(life: WorkerLife, event: WorkerEvent, nowMs: number, rule: WorkerRule): Step {
  const { state } = life;
  switch (event.is) {
    case "start":
      // Somebody wants it: what failed before does not count any more.
      return canStart(state) ? start({ ...life, failedAtMs: [] }, nowMs, rule) : same(life);
    case "progress":
      return state.is === "starting" ? progress(life, state, event.stage, nowMs, rule) : same(life);
    case "healthy":
      return state.is === "starting" ? become(life, { is: "proving" }, [{ is: "release-ports" }]) : same(life);
    case "proven":
      return state.is === "proving" ? become(life, { is: "ready" }) : same(life);
    case "broken":
      if (state.is === "stopping") return sooner(life, nowMs + rule.lingerMs);
      return isRunning(state) ? fail(life, event.diagnosis, nowMs, rule) : same(life);
    case "dying":
      return isRunning(state) ? { life: { ...life, alarmMs: endBy(life, nowMs) }, effects: [] } : same(life);
    case "refuted":
      return state.is === "proving" ? refute(life, event.diagnosis, nowMs, rule) : same(life);
    case "explained":
      return explain(life, event.diagnosis);
    case "drain":
      return state.is === "ready" ? turn(life, { is: "draining", deadlineMs: event.deadlineMs }) : same(life);
    case "undrain":
      return state.is === "draining" ? turn(life, { is: "ready" }) : same(life);
    case "stop":
      return stop(life, nowMs + event.graceMs);
    case "gone":
      return state.is === "stopping" ? gone(life, event.left) : same(life);
    case "alarm":
      return alarm(life, nowMs, rule);
  }
}

function start(life: WorkerLife, nowMs: number, rule: WorkerRule): Step {
  const generation = life.generation + 1;
  const state: WorkerState = { is: "starting", stage: { name: "booting" }, sinceMs: nowMs };
  return {
    life: { ...life, state, generation, alarmMs: nowMs + rule.startupTimeoutMs },
    effects: [{ is: "spawn", generation }],
  };
}

function progress(
  life: WorkerLife,
  state: WorkerState & { is: "starting" },
  stage: Stage,
  nowMs: number,
  rule: WorkerRule,
): Step {
  const { name, done, of } = state.stage;
  if (stage.name === name && stage.done === done && stage.of === of) return same(life);
  return { life: { ...life, state: { ...state, stage }, alarmMs: nowMs + rule.startupTimeoutMs }, effects: [] };
}

/** Any exit that was not asked for is a failure, exit code 0 included: vLLM exits 0 when its engine dies. */
function fail(life: WorkerLife, diagnosis: Diagnosis, nowMs: number, rule: WorkerRule): Step {
  const failedAtMs = [...life.failedAtMs, nowMs];
  const decision = decideRestart(rule.restart, failedAtMs, nowMs);
  const effects: WorkerEffect[] = [{ is: "kill" }, { is: "release-ports" }, { is: "explain" }];
  const after = { ...life, failedAtMs };
  switch (decision.is) {
    case "never":
      return become(after, { is: "failed", diagnosis }, effects);
    case "give-up":
      return become(after, { is: "fatal", diagnosis }, effects);
    case "retry": {
      const { attempt, atMs } = decision;
      const step = become(after, { is: "backoff", attempt, untilMs: atMs, last: diagnosis }, effects);
      return { ...step, life: { ...step.life, alarmMs: atMs } };
    }
  }
}

/** Its log explains nothing here: the canary already did. */
function refute(life: WorkerLife, diagnosis: Diagnosis, nowMs: number, rule: WorkerRule): Step {
  const { life: after, effects } = fail(life, diagnosis, nowMs, rule);
  return { life: after, effects: [...effects.filter(({ is }) => is !== "explain"), { is: "report", diagnosis }] };
}

function explain(life: WorkerLife, diagnosis: Diagnosis): Step {
  const effects: WorkerEffect[] = [{ is: "report", diagnosis }];
  const { state } = life;
  switch (state.is) {
    case "failed":
    case "fatal":
      return { life: { ...life, state: { is: state.is, diagnosis } }, effects };
    case "backoff":
      return { life: { ...life, state: { ...state, last: diagnosis } }, effects };
    default:
      return { life, effects };
  }
}

function stop(life: WorkerLife, killAtMs: number): Step {
  switch (life.state.is) {
    case "planned":
    case "backoff":
      return become(life, { is: "stopped" }, [{ is: "release-ports" }]);
    case "starting":
    case "proving":
    case "ready":
    case "draining":
      return { life: { ...life, state: { is: "stopping" }, alarmMs: killAtMs }, effects: [{ is: "terminate" }] };
    case "stopping":
      return sooner(life, killAtMs);
    case "stopped":
    case "failed":
    case "fatal":
      return same(life);
  }
}

/** A worker is stopped only when nothing of it is left. */
function gone(life: WorkerLife, left: Diagnosis | null): Step {
  return become(life, left === null ? { is: "stopped" } : { is: "failed", diagnosis: left }, [{ is: "release-ports" }]);
}

function alarm(life: WorkerLife, nowMs: number, rule: WorkerRule): Step {
  if (life.alarmMs === null) return same(life);
  switch (life.state.is) {
    case "starting":
      return fail(life, overdue(rule.name, rule.startupTimeoutMs), nowMs, rule);
    case "proving":
    case "ready":
    case "draining":
      return fail(life, doesNotEnd(rule.name, DYING_LIMIT_MS), nowMs, rule);
    case "stopping":
      return { life: { ...life, alarmMs: null }, effects: [{ is: "kill" }] };
    case "backoff":
      return start(life, nowMs, rule);
    default:
      return same(life);
  }
}

/** The first word of its death counts; the lines after it only repeat it. */
function endBy({ alarmMs }: WorkerLife, nowMs: number): number {
  return Math.min(alarmMs ?? Infinity, nowMs + DYING_LIMIT_MS);
}

function same(life: WorkerLife): Step {
  return { life, effects: [] };
}

function become(life: WorkerLife, state: WorkerState, effects: readonly WorkerEffect[] = []): Step {
  return { life: { ...life, state, alarmMs: null }, effects };
}

/** The process is the same, and so is what is waited for. */
function turn(life: WorkerLife, state: WorkerState): Step {
  return { life: { ...life, state }, effects: [] };
}

/** A killing that is already under way needs no alarm. */
function sooner(life: WorkerLife, killAtMs: number): Step {
  if (life.alarmMs === null) return same(life);
  return { life: { ...life, alarmMs: Math.min(life.alarmMs, killAtMs) }, effects: [] };
}

export function isRunning({ is }: WorkerState): boolean {
  return is === "starting" || is === "proving" || is === "ready" || is === "draining";
}

function canStart({ is }: WorkerState): boolean {
  return is === "planned" || is === "backoff" || is === "failed" || is === "fatal" || is === "stopped";
}
