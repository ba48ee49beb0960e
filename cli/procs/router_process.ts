// One of the further router processes: it listens on the API's port beside the core, and does what the core tells it.

import { findConnector } from "../../kv/index.ts";
import { type Listener, serve } from "../../router/serve.ts";
import { makeWorkerNumbers } from "../../router/procs/worker_numbers.ts";
import { makeWeights } from "../../router/weights.ts";
import { engines, isEngineName } from "../../supervisor/engines/index.ts";
import { mapSharedMemory } from "../../supervisor/native.ts";
import type { FleetSnapshot, FleetView } from "../../supervisor/snapshot.ts";
import { onStopSignals } from "../../supervisor/stop_signals.ts";
import type { CliContext } from "../context.ts";
import { exitCodes } from "../exit_codes.ts";
import { type LiveRouter, liveRouter } from "../live_router.ts";
import { readRouterFiles } from "../router_files.ts";
import { type RoutedRun, routerOfRun } from "../router_of_run.ts";
import type { FromRouter, Picture, RoutedRunText, ServeMessage, ToRouter } from "./messages.ts";
import { passingToCore } from "./pass_to_core.ts";
import { makeSharing } from "./sharing.ts";

/** How often the core hears of it, unasked: what a process that dies has counted since then is not known any more. */
const TELL_EVERY_MS = 1_000;

/** Ends when the core has heard that it may, or is gone. */
export async function runRouterProcess(_words: readonly string[], context: CliContext): Promise<number> {
  const tell = (message: FromRouter) => void process.send?.(message);
  const told = Promise.withResolvers<number>();
  const coreGone = new Promise<number>((resolve) => process.on("disconnect", () => resolve(exitCodes.couldNotStart)));
  // A service manager sends its signal to all processes; only the core knows what to do about it.
  const endIgnoring = onStopSignals(() => {});
  const part = makeRouterPart({ ...context, stderr: toldToCore(context.stderr, tell) }, tell);
  process.on("message", (message: ToRouter) => {
    if (message.is === "end") told.resolve(exitCodes.ok);
    else if (part.hear(message) === "cannot serve") told.resolve(exitCodes.couldNotStart);
  });
  tell({ is: "started" });
  const timer = setInterval(() => part.hear({ is: "ask", question: null }), TELL_EVERY_MS);
  const exitCode = await Promise.race([told.promise, coreGone]);
  clearInterval(timer);
  await part.close();
  endIgnoring();
  if (exitCode !== exitCodes.ok || !process.connected) return exitCode;
  // The core ends this process when it has read all of it.
  tell({ is: "ended" });
  return await coreGone;
}

type Heard = Exclude<ToRouter, { readonly is: "end" | "ask" }> | {
  readonly is: "ask";
  readonly question: number | null;
};

function makeRouterPart(context: CliContext, tell: (message: FromRouter) => void) {
  const names = makeWorkerNumbers({ gives: false });
  const weights = makeWeights(false);
  const view = makeToldView();
  let serving: { readonly router: LiveRouter; readonly listener: Listener; generation: number } | null = null;
  const takeIn = ({ snapshot, names: known, weights: told }: Picture) => {
    names.learn(known);
    weights.isPaused = told.isHeld;
    if (told.version !== null) weights.name(told.version, []);
    for (const { facts, generation } of snapshot.workers) {
      if (told.stale.includes(facts.name)) weights.miss({ facts, generation });
      else weights.accept({ facts, generation });
    }
    view.replace(snapshot);
  };
  const startServing = (message: ServeMessage) => {
    const { generation, part, memory } = message;
    takeIn(message.picture);
    const run = runFrom(message.run);
    const sharing = makeSharing({
      ...{ memory, cells: mapSharedMemory(memory.path), part, names },
      ...{ siblings: null, watchesFleet: false, weights },
    });
    const router = routerOfRun(run, view, context, { sharing });
    if (serving !== null) {
      serving.router.replace(router);
      serving.generation = generation;
      return tell({ is: "serves", generation });
    }
    const live = liveRouter(router);
    const listening = listen(live, run, message);
    if (typeof listening === "string") {
      tell({ is: "cannot-serve", reason: listening });
      return "cannot serve" as const;
    }
    serving = { router: live, listener: listening, generation };
    tell({ is: "serves", generation });
  };
  return {
    hear(message: Heard) {
      if (message.is === "serve") return startServing(message);
      if (message.is === "picture") return takeIn(message.picture);
      const { question } = message;
      const { generation = 0, router = null } = serving ?? {};
      const { metrics, requests } = router?.ownPart() ?? { metrics: "", requests: [] };
      tell({ is: "told", question, generation, metrics, requests: question === null ? [] : requests });
    },
    async close() {
      await serving?.listener.stop(true);
      await serving?.router.close();
    },
  };
}

/** A reason where it cannot. */
function listen(router: LiveRouter, { wish }: RoutedRun, { listen, coreSocket }: ServeMessage): Listener | string {
  const files = readRouterFiles(wish.spec);
  if (files.is === "unusable") return `${files.problem.what}: ${files.problem.why}`;
  const answering = passingToCore((client) => router.answer(client), coreSocket);
  const server = wish.spec.settings.httpServer.value;
  const listening = serve(answering, { ...listen, reusePort: true, tls: files.tls, server, onRefused: router.refused });
  if (listening.is === "listening") return listening.listener;
  return listening.is === "taken" ? `port ${listen.port} is taken` : listening.reason;
}

function runFrom({ spec, engine, plan, connector, logPath }: RoutedRunText): RoutedRun {
  if (!isEngineName(engine)) throw new Error(`no engine is named ${engine}`);
  return {
    wish: { spec, engine: engines[engine] },
    plan,
    connector: findConnector(connector.name, connector.extraConfig).connector,
    runDir: { logPath: () => logPath },
  };
}

function makeToldView(): FleetView & { replace(next: FleetSnapshot): void } {
  let snapshot: FleetSnapshot = { epoch: 0, workers: [], phase: "starting", workerApiKey: null };
  const listeners = new Set<(snapshot: FleetSnapshot) => void>();
  return {
    snapshot: () => snapshot,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    replace(next) {
      snapshot = next;
      for (const listener of [...listeners]) listener(next);
    },
  };
}

/** The core's screen is drawn by the core. */
function toldToCore(stderr: CliContext["stderr"], tell: (message: FromRouter) => void): CliContext["stderr"] {
  return { ...stderr, write: (text) => tell({ is: "says", text }), isTerminal: false, columns: 80, rows: 24 };
}
