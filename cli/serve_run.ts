// A planned run from its listening socket to its exit code: router, fleet, screen, run folder and control socket put together.

import { recordEvents } from "../control/record_run.ts";
import { rememberStarts, usualStarts } from "../control/usual_starts.ts";
import type { Plan } from "../plan/plan.ts";
import type { Problem } from "../plan/problem.ts";
import { planJson } from "../plan/plan_json.ts";
import type { Listening } from "../router/serve.ts";
import { realClock } from "../supervisor/clock.ts";
import { type EventStream, makeEventStream } from "../supervisor/event_stream.ts";
import { tellSystemd } from "../supervisor/tell_systemd.ts";
import type { Core } from "../supervisor/watch_init.ts";
import { newWorkerApiKey } from "../supervisor/worker_env.ts";
import type { CliContext } from "./context.ts";
import { diskTrouble } from "./disk_trouble.ts";
import { exitCodes } from "./exit_codes.ts";
import { type FolderInput, keepFolder } from "./keep_folder.ts";
import { listenForClients } from "./listen_for_clients.ts";
import { launchFleet } from "./launch_fleet.ts";
import { launchScheduler } from "./launch_scheduler.ts";
import type { LiveRouter } from "./live_router.ts";
import type { PlannedRun } from "./planned_run.ts";
import { problemsText } from "./print_problems.ts";
import { makeReload } from "./reload_run.ts";
import { chooseReporter } from "./render/choose_reporter.ts";
import { paintFor, wantsColor } from "./render/color.ts";
import { readRouterFiles } from "./router_files.ts";
import { type RunRouters, runRouters } from "./run_routers.ts";

/** Above the router's own limit, which answers 413 instead of closing the connection. */
const BODY_SLACK_BYTES = 1024 * 1024;

/** For whoever puts the run behind a listener of its own. */
export interface RunListener {
  listening(run: { readonly url: string; fetch(request: Request): Response | Promise<Response> }): void;
  ready(): void;
}

export async function serveRun(
  planned: PlannedRun,
  core: Core,
  context: CliContext,
  told: RunListener | null = null,
): Promise<number> {
  const { plan, wish, runDir } = planned;
  const files = readRouterFiles(wish.spec);
  if (files.is === "unusable") return tell(files.problem, context, exitCodes.badUsage);
  const events = makeEventStream();
  const endEvents = recordEvents(runDir, events, realClock, (why) => {
    events.emit({ type: "warning", problem: diskTrouble("events.ndjson", why) });
  });
  const endNotifying = tellSystemd(events, context.env);
  const maxBodyBytes = wish.spec.settings.maxBodyBytes.value + BODY_SLACK_BYTES;
  // Router and fleet need each other: the fleet's canary goes through the router, which asks the fleet whom to send it to.
  const onRefused = (status: number) => router.refused(status);
  const how = { maxBodyBytes, tls: files.tls, server: wish.spec.settings.httpServer.value, onRefused };
  const listening = listenForClients((request) => router.answer(request), plan.router, how);
  if (listening.is !== "listening") return cannotListen(listening, plan, context);
  const { listener } = listening;
  const reporter = report(planned, events, context);
  const usualMs = usualStarts(planned.stateDir, plan);
  events.emit({ type: "plan", plan, configFile: wish.configFile, runDir: runDir.path, usualMs });
  rememberStarts(planned.stateDir, plan, events);
  for (const problem of plan.problems) events.emit({ type: "warning", problem });
  events.emit({ type: "listening", url: listener.url });

  // Somebody else's router knows no key of ours.
  const asksKey = plan.scheduler === undefined && plan.workers.every(({ external }) => external === null);
  const workerApiKey = asksKey ? newWorkerApiKey() : null;
  const url = plan.scheduler === undefined ? listener.url : `http://127.0.0.1:${plan.scheduler.port}`;
  const launch = { run: planned, events, url, workerApiKey, router: () => router };
  const fleet = launchFleet({ ...launch, identity: core.identity }, context);
  const scheduler = launchScheduler(planned, { events, identity: core.identity }, context);
  const listen = { host: plan.router.host, port: listener.port, maxBodyBytes };
  const routers = runRouters(planned, { fleet: fleet.view, listen, events }, context);
  const router: LiveRouter = routers.router;
  core.onStop((haste) => fleet.stop(haste));
  events.subscribe((event) => event.type === "ready" && told?.ready());
  told?.listening({ url: listener.url, fetch: router.fetch });
  const closeFolder = showRun({ planned, core, fleet, events, url, routers });

  const exitCode = await fleet.done;
  await scheduler?.close();
  await listener.stop(true);
  await routers.close();
  closeFolder();
  reporter.end();
  endNotifying();
  endEvents();
  runDir.close();
  return exitCode;
}

interface ShowInput extends Pick<FolderInput, "fleet" | "events" | "url"> {
  readonly core: Core;
  readonly planned: PlannedRun;
  readonly routers: RunRouters;
}

/** Lets others see and change the run, from now until the returned function is called. */
function showRun({ planned, core, routers, ...rest }: ShowInput): () => void {
  let run = planned;
  const reload = makeReload({
    events: rest.events,
    run: () => run,
    fleet: rest.fleet,
    sources: planned.sources,
    onDone(next, changesRouter) {
      run = next;
      next.runDir.writePlan(planJson({ is: "planned", plan: next.plan, connector: next.connector }));
      if (changesRouter) routers.reload(next);
    },
  });
  core.onHangup(() => void reload());
  return keepFolder({ ...rest, identity: core.identity, router: routers.router, run: () => run, reload });
}

function report({ wish }: PlannedRun, events: EventStream, context: CliContext) {
  const { progress, apiKey, apiKeyFile } = wish.spec.settings;
  const reporter = chooseReporter(context, {
    progress: progress.value,
    needsApiKey: apiKey.value !== null || apiKeyFile.value !== null,
    // As if the terminal had sent it, which in raw mode it does not.
    onInterrupt: () => process.kill(process.pid, "SIGINT"),
  });
  events.subscribe((event) => reporter.event(event));
  return reporter;
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
  return tell(problem, context, failure.is === "taken" ? exitCodes.tryAgain : exitCodes.couldNotStart);
}

function tell(problem: Problem, { stderr, env }: CliContext, exitCode: number): number {
  stderr.write(problemsText([problem], paintFor(wantsColor(env, stderr.isTerminal)), stderr.columns));
  return exitCode;
}
