// The user's own router as this run's settings want it; null where pdserve's is the only one.

import { realClock } from "../supervisor/clock.ts";
import type { EventStream } from "../supervisor/event_stream.ts";
import { keepScheduler, type KeptScheduler } from "../supervisor/keep_scheduler.ts";
import type { RunIdentity } from "../supervisor/run_identity.ts";
import { spawnWorker } from "../supervisor/spawn.ts";
import type { CliContext } from "./context.ts";
import { restartRule } from "./launch_fleet.ts";
import { openLog } from "./open_log.ts";
import type { PlannedRun } from "./planned_run.ts";

export function launchScheduler(
  { plan, wish, runDir }: PlannedRun,
  { events, identity }: { readonly events: EventStream; readonly identity: RunIdentity },
  { env }: CliContext,
): KeptScheduler | null {
  if (plan.scheduler === undefined) return null;
  const { failFast, maxFailures, failureWindowMs } = wish.spec.settings;
  return keepScheduler(plan.scheduler, {
    ...{ events, identity, env, clock: realClock, spawn: spawnWorker },
    restart: failFast.value ? { is: "never" } : restartRule(maxFailures.value, failureWindowMs.value),
    openLog: (onLine) => openLog("scheduler", onLine, { runDir, events, redact: [] }),
  });
}
