// The routers of a run: the one in this process, those that a reload has put in its place, and those in other processes where
// the plan has several.

import { chmodSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { type ListenOptions, serve } from "../router/serve.ts";
import type { EventStream } from "../supervisor/event_stream.ts";
import type { FleetView } from "../supervisor/snapshot.ts";
import type { CliContext } from "./context.ts";
import { type LiveRouter, liveRouter } from "./live_router.ts";
import type { PlannedRun } from "./planned_run.ts";
import { makeRouterProcesses } from "./procs/router_processes.ts";
import { routerOfRun, type RouterParts } from "./router_of_run.ts";

export interface RunRouters {
  /** Of this process; what it tells is of all. */
  readonly router: LiveRouter;
  /** The run's settings are others now. */
  reload(run: PlannedRun): void;
  close(): Promise<void>;
}

export interface RoutersInput {
  readonly fleet: FleetView;
  /** Where this process listens already. */
  readonly listen: Pick<ListenOptions, "host" | "port" | "maxBodyBytes">;
  readonly events: EventStream;
}

export function runRouters(run: PlannedRun, input: RoutersInput, context: CliContext): RunRouters {
  const { processes: count = 1 } = run.plan.router;
  if (count === 1) return onlyOne(run, input, context);
  const coreSocket = join(dirname(run.runDir.socketPath), "router.sock");
  const processes = makeRouterProcesses({
    ...{ count, listen: input.listen, coreSocket, env: context.env, say: context.stderr.write },
    warn: (problem) => input.events.emit({ type: "warning", problem }),
  });
  const make = (next: PlannedRun, before: RouterParts) => {
    const router = routerOfRun(next, input.fleet, context, { ...before, sharing: processes.share() });
    processes.follow(router, next);
    return router;
  };
  const router = liveRouter(make(run, {}));
  const stopAnswering = answerForOthers(router, coreSocket, input.listen.maxBodyBytes);
  return {
    router,
    reload: (next) => router.replace(make(next, { weights: router.weights })),
    async close() {
      await processes.close();
      await stopAnswering();
      await router.close();
    },
  };
}

function onlyOne(run: PlannedRun, { fleet }: RoutersInput, context: CliContext): RunRouters {
  const router = liveRouter(routerOfRun(run, fleet, context));
  return {
    router,
    reload: (next) => router.replace(routerOfRun(next, fleet, context, { weights: router.weights })),
    close: router.close,
  };
}

/** For what clients ask that only this process knows, at whichever process they ask it; see procs/pass_to_core.ts. */
function answerForOthers(router: LiveRouter, path: string, maxBodyBytes: number): () => Promise<void> {
  const listening = serve((request) => router.answer(request), { host: "", port: 0, unix: path, maxBodyBytes });
  if (listening.is !== "listening") throw new Error(`cannot listen on ${path}, in a folder of this run's own`);
  chmodSync(path, 0o600);
  return async () => {
    await listening.listener.stop(true);
    rmSync(path, { force: true });
  };
}
