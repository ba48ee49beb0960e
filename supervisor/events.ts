// Everything that happens to a fleet, as one stream: renderers, events.ndjson and the control API read nothing else.

import type { Plan, WorkerPlan } from "../plan/plan.ts";
import type { Problem } from "../plan/problem.ts";
import type { Diagnosis, Stage } from "./engines/engine.ts";
import type { KvRoomByRole } from "./kv_room.ts";
import type { WorkerState } from "./snapshot.ts";

export type FleetEvent =
  | {
    readonly type: "plan";
    readonly plan: Plan;
    readonly configFile: string | null;
    readonly runDir: string;
    /** How long each worker usually takes to start here, where that is known. */
    readonly usualMs?: Readonly<Record<string, number>>;
  }
  | { readonly type: "warning"; readonly problem: Problem }
  /** A reload took a worker in, or out. */
  | { readonly type: "added"; readonly worker: WorkerPlan }
  | { readonly type: "removed"; readonly name: string }
  | { readonly type: "listening"; readonly url: string }
  | {
    readonly type: "worker";
    readonly name: string;
    readonly state: WorkerState["is"];
    readonly stage: Stage | null;
    /** Since its process was started; when it drains, stops or has failed, since that began. */
    readonly elapsedMs: number;
    /** Until its next process, in backoff. */
    readonly retryInMs?: number;
  }
  | { readonly type: "log"; readonly worker: string; readonly line: string }
  | { readonly type: "proof"; readonly proof: PairProof }
  | { readonly type: "ready"; readonly ready: Ready }
  | { readonly type: "failed"; readonly failure: WorkerFailure }
  /** What a reload changed, in words; its refusal or failure is a warning. */
  | { readonly type: "reloaded"; readonly changes: readonly string[] }
  | {
    readonly type: "draining";
    readonly inFlight: number;
    readonly limitMs: number;
    /** Workers that requests in flight need, and how many. */
    readonly waitingFor: readonly { readonly worker: string; readonly requests: number }[];
  }
  | { readonly type: "stopping"; readonly forced: boolean }
  | { readonly type: "stopped"; readonly exitCode: number };

/** What a canary request showed of one prefill→decode pair. */
export type PairProof =
  | {
    readonly is: "proven";
    readonly prefill: string;
    readonly decode: string;
    readonly promptTokens: number;
    readonly movedTokens: number;
    readonly recomputedTokens: number;
    readonly bytes: number | null;
    readonly tookMs: number;
  }
  | { readonly is: "refuted"; readonly prefill: string; readonly decode: string; readonly diagnosis: Diagnosis };

export interface Ready {
  readonly url: string;
  readonly runDir: string;
  readonly model: string;
  readonly tookMs: number;
  /** Null when `--no-canary` was given: then nothing is claimed. */
  readonly proofs: readonly PairProof[] | null;
  readonly connector: string;
  readonly prefill: number;
  readonly decode: number;
  /** Of the roles whose engines tell it. */
  readonly kvRoom?: KvRoomByRole;
}

export interface WorkerFailure {
  readonly worker: string;
  readonly gpus: readonly string[];
  readonly diagnosis: Diagnosis;
  readonly during: string;
  readonly exit: { readonly code: number | null; readonly signal: string | null } | null;
  readonly afterMs: number;
  readonly lastLines: readonly string[];
  readonly logPath: string | null;
}
