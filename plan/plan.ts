// The plan: exactly which processes will run, with which argv, environment, ports and GPUs. Frozen and JSON-serialisable.

import type { Connector, Device, Role, WorkerFacts } from "../kv/connector.ts";
import type { Json } from "../kv/json.ts";
import type { Problem } from "./problem.ts";

export interface Plan {
  /** Short hash of everything below: the name a failure or a bug report refers to. */
  readonly planId: string;
  readonly model: string;
  readonly servedModelName: string;
  readonly device: Device;
  readonly engine: { readonly name: string; readonly version: string; readonly command: readonly string[] };
  /** `name` is a key of the connector registry or an unknown vLLM name run as plain two-step; `reason` is one line. */
  readonly connector: { readonly name: string; readonly reason: string };
  /** Port 0 takes any free one. `processes` share the port; left out where there is one. */
  readonly router: { readonly host: string; readonly port: number; readonly processes?: number };
  /** One line on which GPUs do what and why, when the plan chose them; null when the user did. */
  readonly split: string | null;
  readonly launch: Launch;
  readonly workers: readonly WorkerPlan[];
  /** Whether a trainer sends these workers new weights, where the topology's file tells; frozen models get none. */
  readonly updatesWeights?: boolean;
  /** A router of the user's own in front of the workers, where there is one. */
  readonly scheduler?: SchedulerPlan;
  /** Warnings; a plan with errors does not exist. */
  readonly problems: readonly Problem[];
}

export interface SchedulerPlan {
  readonly argv: readonly string[];
  /** Where clients reach it. */
  readonly port: number;
  readonly cwd: string;
}

/** What every worker's command line is built from besides the worker itself, so that a restart can build it anew. */
export interface Launch {
  readonly loadFailurePolicy: "fail" | "recompute";
  readonly extraConfig: Readonly<Record<string, Json>>;
  /** Private to the run; connectors that hand over through files put them here. */
  readonly sharedDir: string;
  readonly cpuCores: number;
  readonly memoryBytes: number;
  readonly workersOnMachine: number;
  /** There are encoder workers, whose results prefill and regular workers take. */
  readonly encodes?: true;
  /** Of the encoder workers, where others ask them by themselves. */
  readonly encoderUrls?: readonly string[];
  /** Secrets taken out of the user's arguments, because arguments show in process lists. */
  readonly env: Readonly<Record<string, string>>;
}

export interface WorkerPlan {
  /** `prefill-0`, `decode-0`, `regular-0`, `encode-0`. */
  readonly name: string;
  readonly role: Role;
  /** Physical GPU ids; plain names where there are no GPUs. */
  readonly gpus: readonly string[];
  readonly tp: number;
  readonly dp: number;
  readonly pp: number;
  readonly host: string;
  readonly port: number;
  /** All ports by purpose, `http` included, each the list of its consecutive numbers. */
  readonly ports: Readonly<Record<string, readonly number[]>>;
  /** New with each generation: a peer that meets an old id again would use stale addresses. Null for an external worker. */
  readonly engineId: string | null;
  /** The user's own arguments for this worker, in order. */
  readonly userArgs: readonly string[];
  /** The user's own variables for this worker; the plan's addresses and devices win over them. */
  readonly userEnv: Readonly<Record<string, string>>;
  readonly argv: readonly string[];
  /** What is added to pdserve's own environment. Names ending in KEY or TOKEN are secrets. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Null for a process pdserve starts; the URL of a worker that somebody else started. */
  readonly external: string | null;
}

export type Planned = { readonly is: "planned"; readonly plan: Plan; readonly connector: Connector } | {
  readonly is: "impossible";
  readonly problems: readonly Problem[];
};

/** The worker as connectors and the router see it. */
export function factsOf(worker: WorkerPlan): WorkerFacts {
  return {
    name: worker.name,
    role: worker.role,
    host: worker.host,
    httpPort: worker.port,
    ports: Object.fromEntries(Object.entries(worker.ports).map(([purpose, numbers]) => [purpose, numbers[0] ?? 0])),
    tp: worker.tp,
    dp: worker.dp,
    pp: worker.pp,
    engineId: worker.engineId,
    engineIdByRank: {},
  };
}
