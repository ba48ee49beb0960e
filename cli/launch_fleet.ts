// The fleet as this run's settings want it.

import type { EventStream } from "../supervisor/event_stream.ts";
import { type Fleet, startFleet } from "../supervisor/fleet.ts";
import type { Router } from "../router/make_router.ts";
import type { RestartRule } from "../supervisor/restart.ts";
import type { RunIdentity } from "../supervisor/run_identity.ts";
import type { CliContext } from "./context.ts";
import { readGpuHolders } from "./gpu_holders.ts";
import { openLog } from "./open_log.ts";
import type { PlannedRun } from "./planned_run.ts";

export interface LaunchInput {
  readonly run: PlannedRun;
  readonly identity: RunIdentity;
  readonly events: EventStream;
  readonly url: string;
  readonly workerApiKey: string | null;
  readonly router: () => Router;
}

export function launchFleet(
  { run, identity, events, url, workerApiKey, router }: LaunchInput,
  context: CliContext,
): Fleet {
  const { plan, connector, runDir, wish } = run;
  const { startupTimeoutMs, drainTimeoutMs, hangTimeoutMs, canary, failFast, maxFailures, failureWindowMs } =
    wish.spec.settings;
  const secrets = workerApiKey === null ? [] : [workerApiKey];
  return startFleet(plan, {
    engine: wish.engine,
    connector,
    identity,
    events,
    url,
    runDir: runDir.path,
    startupTimeoutMs: startupTimeoutMs.value,
    drainTimeoutMs: drainTimeoutMs.value,
    hangTimeoutMs: hangTimeoutMs.value,
    restart: restartRule(maxFailures.value, failureWindowMs.value),
    failFast: failFast.value,
    prove: canary.value ? (pair) => router().prove(pair) : null,
    inFlight: {
      count: () => router().inFlight(),
      isHeld: () => router().weights.isHeld,
      ofWorker(worker) {
        const { requests, handoffs } = router().load(worker);
        return requests + handoffs;
      },
      expectedOn: (worker) => router().load(worker).expected,
      heard: () => router().heard(),
      onIdle: (callback) => router().onIdle(callback),
    },
    workerApiKey,
    openLog: (worker, onLine) => openLog(worker, onLine, { runDir, events, redact: secrets }),
    gpuHolders: plan.device === "cuda" ? readGpuHolders : () => Promise.resolve(null),
    env: context.env,
  });
}

/** Quick at first, for most failures are gone with the process; a minute at most, for a GPU that comes back. */
export function restartRule(giveUpAfter: number, withinMs: number): RestartRule {
  const jitter = (delayMs: number) => delayMs * (0.75 + Math.random() / 2);
  return { is: "backoff", firstMs: 1_000, maxMs: 60_000, giveUpAfter, withinMs, jitter };
}
