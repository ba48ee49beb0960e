// A planned run from its listening socket to its exit code: router, fleet, screen, run folder and control socket put together.

import { makeControlApp } from "../control/app.ts";
import { pruneRuns } from "../control/list_runs.ts";
import { serveControl } from "../control/serve_control.ts";
import { recordEvents, recordProcesses } from "../control/record_run.ts";
import type { Plan } from "../plan/plan.ts";
import { planJson } from "../plan/plan_json.ts";
import type { Router } from "../router/make_router.ts";
import { type Listening, serve } from "../router/serve.ts";
import { realClock } from "../supervisor/clock.ts";
import { type EventStream, makeEventStream } from "../supervisor/event_stream.ts";
import { type Fleet, startFleet } from "../supervisor/fleet.ts";
import { makeLogStore } from "../supervisor/log_store.ts";
import type { RestartRule } from "../supervisor/restart.ts";
import type { Core } from "../supervisor/watch_init.ts";
import { newWorkerApiKey } from "../supervisor/worker_env.ts";
import type { CliContext } from "./context.ts";
import { exitCodes } from "./exit_codes.ts";
import { readGpuHolders } from "./gpu_holders.ts";
import { problemsText } from "./print_problems.ts";
import { chooseReporter } from "./render/choose_reporter.ts";
import { paintFor, wantsColor } from "./render/color.ts";
import type { PlannedRun } from "./planned_run.ts";
import { routerOfRun } from "./router_of_run.ts";

/** Finished runs that stay on disk for whoever wants to know what happened. */
const RUNS_KEPT = 20;
const LOG_FILE_BYTES = 64 * 1024 * 1024;
const LOG_FILES_KEPT = 3;
const LOG_LINES_IN_MEMORY = 2_000;
/** Above the router's own limit, which answers 413 instead of closing the connection. */
const BODY_SLACK_BYTES = 1024 * 1024;

export async function serveRun(run: PlannedRun, core: Core, context: CliContext): Promise<number> {
  const { plan, wish, runDir } = run;
  const events = makeEventStream();
  const endEvents = recordEvents(runDir, events, realClock, (why) => {
    events.emit({ type: "warning", problem: diskTrouble("events.ndjson", why) });
  });
  const maxBodyBytes = wish.spec.settings.maxBodyBytes.value + BODY_SLACK_BYTES;
  // Router and fleet need each other: the fleet's canary goes through the router, which asks the fleet whom to send it to.
  const listening = serve((request) => router.fetch(request), { ...plan.router, maxBodyBytes });
  if (listening.is !== "listening") return cannotListen(listening, plan, context);
  const { listener } = listening;
  const reporter = report(run, events, context);
  events.emit({ type: "plan", plan, configFile: wish.configFile, runDir: runDir.path });
  for (const problem of plan.problems) events.emit({ type: "warning", problem });
  events.emit({ type: "listening", url: listener.url });

  const workerApiKey = plan.workers.some(({ external }) => external !== null) ? null : newWorkerApiKey();
  const fleet = launchFleet({ run, core, events, url: listener.url, workerApiKey, router: () => router }, context);
  const router: Router = routerOfRun(run, fleet.view, context);
  core.onStop((haste) => fleet.stop(haste));
  const closeFolder = keepFolder(run, { fleet, events, core, url: listener.url, inFlight: router.inFlight });

  const exitCode = await fleet.done;
  await listener.stop(true);
  router.close();
  closeFolder();
  reporter.end();
  endEvents();
  runDir.close();
  return exitCode;
}

function report({ wish }: PlannedRun, events: EventStream, context: CliContext) {
  const { progress, apiKey } = wish.spec.settings;
  const reporter = chooseReporter(context, {
    progress: progress.value,
    needsApiKey: apiKey.value !== null,
    // As if the terminal had sent it, which in raw mode it does not.
    onInterrupt: () => process.kill(process.pid, "SIGINT"),
  });
  events.subscribe((event) => reporter.event(event));
  return reporter;
}

interface LaunchInput {
  readonly run: PlannedRun;
  readonly core: Core;
  readonly events: EventStream;
  readonly url: string;
  readonly workerApiKey: string | null;
  readonly router: () => Router;
}

function launchFleet({ run, core, events, url, workerApiKey, router }: LaunchInput, context: CliContext): Fleet {
  const { plan, connector, runDir, wish } = run;
  const { startupTimeoutMs, drainTimeoutMs, canary, failFast, maxFailures, failureWindowMs } = wish.spec.settings;
  const secrets = workerApiKey === null ? [] : [workerApiKey];
  return startFleet(plan, {
    engine: wish.engine,
    connector,
    identity: core.identity,
    events,
    url,
    runDir: runDir.path,
    startupTimeoutMs: startupTimeoutMs.value,
    drainTimeoutMs: drainTimeoutMs.value,
    restart: restartRule(maxFailures.value, failureWindowMs.value),
    failFast: failFast.value,
    prove: canary.value ? (pair) => router().prove(pair) : null,
    inFlight: {
      count: () => router().inFlight(),
      ofWorker: (worker) => Object.values(router().load(worker)).reduce((sum, count) => sum + count, 0),
      onIdle: (callback) => router().onIdle(callback),
    },
    workerApiKey,
    openLog: (worker, onLine) =>
      makeLogStore({
        path: runDir.logPath(worker),
        maxBytes: LOG_FILE_BYTES,
        keep: LOG_FILES_KEPT,
        ringLines: LOG_LINES_IN_MEMORY,
        redact: secrets,
        onLine,
        onTrouble: (why) => events.emit({ type: "warning", problem: diskTrouble(`the log of ${worker}`, why) }),
      }),
    gpuHolders: plan.device === "cuda" ? readGpuHolders : () => Promise.resolve(null),
    env: context.env,
  });
}

/** Quick at first, for most failures are gone with the process; a minute at most, for a GPU that comes back. */
function restartRule(giveUpAfter: number, withinMs: number): RestartRule {
  const jitter = (delayMs: number) => delayMs * (0.75 + Math.random() / 2);
  return { is: "backoff", firstMs: 1_000, maxMs: 60_000, giveUpAfter, withinMs, jitter };
}

interface FolderInput {
  readonly fleet: Fleet;
  readonly events: EventStream;
  readonly core: Core;
  readonly url: string;
  readonly inFlight: () => number;
}

/** Keeps plan.json, run.json and the control socket; returns how to end that. */
function keepFolder({ plan, connector, stateDir, runDir, wish }: PlannedRun, input: FolderInput): () => void {
  const { fleet, events, core, url, inFlight } = input;
  const { runId, initPid } = core.identity;
  runDir.writePlan(planJson({ is: "planned", plan, connector }));
  const name = wish.spec.settings.name.value ?? runId;
  const endProcesses = recordProcesses(runDir, { runId, name, url, initPid }, fleet);
  const socket = serveControl(makeControlApp({ runId, fleet, events, inFlight }), runDir);
  pruneRuns(stateDir, RUNS_KEPT);
  return () => {
    endProcesses();
    if (socket.is === "serving") void socket.stop();
  };
}

function diskTrouble(what: string, why: string) {
  return {
    what: `Cannot write ${what}; serving goes on`,
    why,
    fix: "--state-dir with a folder that has room",
    where: "machine",
    severity: "warning",
  } as const;
}

/** The plan found the port free a moment ago. */
function cannotListen(failure: Exclude<Listening, { is: "listening" }>, plan: Plan, context: CliContext): number {
  const { host, port } = plan.router;
  const why = failure.is === "taken" ? "another process took it since the plan was made" : failure.reason;
  const problem = {
    what: `Cannot listen on ${host}:${port}`,
    why,
    fix: failure.is === "taken" ? "start again, or choose another --port" : "--host 127.0.0.1",
    where: "flags --host and --port",
    severity: "error",
  } as const;
  const { stderr, env } = context;
  stderr.write(problemsText([problem], paintFor(wantsColor(env, stderr.isTerminal)), stderr.columns));
  return failure.is === "taken" ? exitCodes.tryAgain : exitCodes.couldNotStart;
}
