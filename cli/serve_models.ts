// Several models of one topology file in one process: a fleet, a router and a listener each, and one shared listener that
// goes by the body's `model`. stdout gets names and addresses once all of them serve.

import { openRunDir } from "../control/run_dir.ts";
import type { Problem } from "../plan/problem.ts";
import { type FrontModel, modelFront } from "../router/model_front.ts";
import { byFetch, serve } from "../router/serve.ts";
import type { StopWish } from "../supervisor/stop_signals.ts";
import type { Core } from "../supervisor/watch_init.ts";
import { argvOfModel } from "./argv_of_model.ts";
import type { CliContext } from "./context.ts";
import { exitCodes } from "./exit_codes.ts";
import { markedContext } from "./marked_context.ts";
import { planFromArgv, type PlanSources } from "./plan_from_argv.ts";
import { planSources } from "./plan_sources.ts";
import { exitCodeOf, problemsText } from "./print_problems.ts";
import type { Wish } from "./read_wish.ts";
import { paintFor, wantsColor } from "./render/color.ts";
import { readRouterFiles } from "./router_files.ts";
import { serveRun } from "./serve_run.ts";

export interface ModelsInput {
  /** Of the whole line. */
  readonly wish: Wish;
  readonly entries: readonly string[];
  readonly argv: readonly string[];
  readonly stateDir: string;
}

export async function serveModels(input: ModelsInput, core: Core, context: CliContext): Promise<number> {
  const { stderr, stdout, env } = context;
  const tell = (problems: readonly Problem[]) => {
    stderr.write(problemsText(problems, paintFor(wantsColor(env, stderr.isTerminal)), stderr.columns));
    return exitCodeOf(problems);
  };
  const files = readRouterFiles(input.wish.spec);
  if (files.is === "unusable") return tell([files.problem]);
  const parts = input.entries.map((entry, index) => partOf(entry, index, input, core, context));
  const problems = await problemsOf(parts);
  if (problems.length > 0) return tell(problems);

  const { host, port, maxBodyBytes, httpServer } = input.wish.spec.settings;
  const models: FrontModel[] = [];
  const front = modelFront(models, () => crypto.randomUUID());
  const where = {
    host: host.value,
    port: port.value,
    maxBodyBytes: maxBodyBytes.value,
    tls: files.tls,
    server: httpServer.value,
  };
  const listening = serve(byFetch(front), where);
  if (listening.is !== "listening") return tell([cannotListen(where)]);
  const stopping = stopTogether(core);
  const runs: Promise<number>[] = [];
  const addresses: Record<string, string> = {};
  const readies: Promise<unknown>[] = [];
  for (const part of parts) {
    const started = await startPart(part, { ...part.core, onStop: stopping.onStop }, input.stateDir);
    if (started.is === "impossible") {
      tell(started.problems);
      stopping.stop("now");
      break;
    }
    models.push(started.model);
    addresses[part.entry] = started.url;
    readies.push(started.ready);
    // A job that lacks a model cannot go on, so the others end with it.
    runs.push(started.done.finally(() => stopping.stop("drain")));
  }
  void Promise.all(readies).then(() => {
    if (readies.length < parts.length) return;
    stdout.write(JSON.stringify({ schema: 1, url: listening.listener.url, models: addresses }) + "\n");
  });
  const codes = await Promise.all(runs);
  await listening.listener.stop(true);
  if (runs.length < parts.length) return exitCodes.couldNotStart;
  return codes.find((code) => code !== exitCodes.ok) ?? exitCodes.ok;
}

/** What is one model's own. */
interface Part {
  readonly entry: string;
  readonly core: Core;
  readonly sources: PlanSources;
  readonly context: CliContext;
}

/** A run id of its own: in one run two workers of one name would be taken for each other. */
function partOf(entry: string, index: number, { argv, stateDir }: ModelsInput, core: Core, context: CliContext): Part {
  const runId = `${core.identity.runId}-${entry.replace(/[^\w.-]/g, "_")}`;
  const run = { sharedDir: `${stateDir}/runs/${runId}/kv`, nonce: `${core.identity.runId.slice(-6)}${index}` };
  return {
    entry,
    core: { ...core, identity: { ...core.identity, runId } },
    sources: planSources(argvOfModel(argv, entry), context, run),
    context: markedContext(context, entry),
  };
}

/** Of all models, before any of them starts. */
async function problemsOf(parts: readonly Part[]): Promise<readonly Problem[]> {
  const plans = [];
  for (const { sources } of parts) plans.push((await planFromArgv(sources)).planned);
  return plans.flatMap((planned) => planned.is === "impossible" ? planned.problems : []);
}

type Started =
  | {
    readonly is: "started";
    readonly model: FrontModel;
    readonly url: string;
    readonly ready: Promise<void>;
    readonly done: Promise<number>;
  }
  | { readonly is: "impossible"; readonly problems: readonly Problem[] };

/** Planned anew, now that the models before it hold their ports; resolves once it listens and holds its own. */
async function startPart({ sources, context }: Part, core: Core, stateDir: string): Promise<Started> {
  const { wish, planned } = await planFromArgv(sources);
  if (planned.is === "impossible") return planned;
  const { plan, connector } = planned;
  const runDir = openRunDir(stateDir, core.identity.runId);
  const ready = Promise.withResolvers<void>();
  const listening = Promise.withResolvers<Pick<FrontModel, "fetch"> & { readonly url: string }>();
  const done = serveRun({ wish, plan, connector, stateDir, runDir, sources }, core, context, {
    listening: listening.resolve,
    ready: ready.resolve,
  });
  const first = await Promise.race([listening.promise, done]);
  if (typeof first === "number") return { is: "impossible", problems: [] };
  const { url, fetch } = first;
  const model = { name: wish.spec.settings.modelEntry.value ?? "", servedName: plan.servedModelName, fetch };
  return { is: "started", model, url, ready: ready.promise, done };
}

/** Signals reach all models; so does a stop of ours. */
function stopTogether(core: Core): Pick<Core, "onStop"> & { stop(wish: StopWish): void } {
  const listeners: ((wish: StopWish) => void)[] = [];
  return {
    onStop(listener) {
      listeners.push(listener);
      core.onStop(listener);
    },
    stop(wish) {
      for (const listener of listeners) listener(wish);
    },
  };
}

function cannotListen({ host, port }: { readonly host: string; readonly port: number }): Problem {
  return {
    what: `Cannot listen on ${host}:${port}`,
    why: "another process has it, or the address is not this machine's",
    fix: "--port 0, or --host 127.0.0.1",
    where: "flags --host and --port",
    severity: "error",
    exitCode: 1,
  };
}
