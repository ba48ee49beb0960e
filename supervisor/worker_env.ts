// The environment a worker is started with.

import type { WorkerPlan } from "../plan/plan.ts";
import { identityEnvironment, type RunIdentity } from "./run_identity.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export interface WorkerEnvironmentInput {
  readonly base: Environment;
  readonly worker: WorkerPlan;
  readonly identity: RunIdentity;
  readonly generation: number;
  readonly apiKey: string | null;
}

export function workerEnvironment({ base, worker, identity, generation, apiKey }: WorkerEnvironmentInput): Environment {
  return {
    ...withoutOurSettings(base),
    ...worker.env,
    ...identityEnvironment(identity),
    PDSERVE_WORKER: workerMark(worker.name, generation),
    // vLLM names its processes with setproctitle, which writes over the environment that /proc shows unless told not to.
    SPT_NOENV: "1",
    ...(apiKey === null ? {} : { VLLM_API_KEY: apiKey }),
  };
}

/** Value of PDSERVE_WORKER in every process of one generation of a worker. */
export function workerMark(name: string, generation: number): string {
  return `${name}/${generation}`;
}

/** A key that only this run's router knows. */
export function newWorkerApiKey(randomBytes = crypto.getRandomValues(new Uint8Array(24))): string {
  return `pdserve-${randomBytes.toBase64({ alphabet: "base64url" })}`;
}

/** PDSERVE_API_KEY and the like are pdserve's, not the engines'; and only pdserve speaks to the service manager. */
function withoutOurSettings(base: Environment): Environment {
  return Object.fromEntries(
    Object.entries(base).filter(([name]) => !/^(PDSERVE_|NOTIFY_SOCKET$|WATCHDOG_)/.test(name)),
  );
}
