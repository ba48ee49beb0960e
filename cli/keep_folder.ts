// What a run shows to others while it lives: plan.json, run.json and the control socket in its folder.

import { makeControlApp, type Reloaded } from "../control/app.ts";
import { pruneRuns } from "../control/list_runs.ts";
import { recordProcesses } from "../control/record_run.ts";
import { runState } from "../control/run_state.ts";
import { serveControl } from "../control/serve_control.ts";
import { rememberWorkers } from "../control/worker_history.ts";
import { askWorkerLoads } from "../control/worker_loads.ts";
import { planJson } from "../plan/plan_json.ts";
import type { Router } from "../router/make_router.ts";
import type { EventStream } from "../supervisor/event_stream.ts";
import type { Fleet } from "../supervisor/fleet.ts";
import type { RunIdentity } from "../supervisor/run_identity.ts";
import type { PlannedRun } from "./planned_run.ts";

/** Finished runs that stay on disk for whoever wants to know what happened. */
const RUNS_KEPT = 20;

export interface FolderInput {
  /** As it is now; a reload changes it. */
  readonly run: () => PlannedRun;
  readonly fleet: Fleet;
  readonly events: EventStream;
  readonly identity: RunIdentity;
  readonly url: string;
  readonly router: Router;
  readonly reload: () => Promise<Reloaded>;
}

/** Returns how to end that. */
export function keepFolder({ run, fleet, events, identity, url, router, reload }: FolderInput): () => void {
  const { plan, connector, stateDir, runDir, wish } = run();
  const { runId, initPid } = identity;
  runDir.writePlan(planJson({ is: "planned", plan, connector }));
  const name = wish.spec.settings.name.value ?? runId;
  const endProcesses = recordProcesses(runDir, { runId, name, url, initPid }, fleet);
  const past = rememberWorkers(events);
  const state = async (askWorkers: boolean) => {
    const { plan: { model, engine, workers, planId } } = run();
    const snapshot = fleet.view.snapshot();
    const told = await askWorkerLoads(askWorkers ? snapshot : { ...snapshot, workers: [] }, wish.engine.metrics, fetch);
    const what = { model, engine: `${engine.name} ${engine.version}`, connector: connector.name, plan_id: planId };
    const gpusOf = (worker: string) => workers.find((one) => one.name === worker)?.gpus ?? [];
    const facts = { run_id: runId, name, url, ...what, gpusOf };
    return runState({ facts, snapshot, past, load: router.load, metricsText: router.metricsText(), told });
  };
  const control = makeControlApp({
    runId,
    fleet,
    events,
    inFlight: router.inFlight,
    state,
    reload,
    router: router.admin,
  });
  const socket = serveControl(control, runDir);
  pruneRuns(stateDir, RUNS_KEPT);
  return () => {
    endProcesses();
    if (socket.is === "serving") void socket.stop();
  };
}
