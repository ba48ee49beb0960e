// The core's router in words that another process can make the same one of.

import { findConnector } from "../../kv/index.ts";
import type { Json } from "../../kv/json.ts";
import type { Router } from "../../router/make_router.ts";
import type { WorkerNumbers } from "../../router/procs/worker_numbers.ts";
import type { RoutedRun } from "../router_of_run.ts";
import type { Picture, RoutedRunText } from "./messages.ts";

export function routedRunText({ wish, plan, connector, runDir }: RoutedRun): RoutedRunText {
  const { name } = connector;
  // A plan may have chosen the connector as it is, without what was said for another one.
  const asItIs = findConnector(name).connector === connector;
  const said = (wish.spec.settings.kvExtraConfig.value ?? {}) as Readonly<Record<string, Json>>;
  return {
    ...{ spec: wish.spec, engine: wish.engine.name, plan },
    connector: { name, extraConfig: asItIs ? {} : said },
    logPath: runDir.logPath("pdserve"),
  };
}

export function pictureOf({ workers, weights }: Pick<Router, "workers" | "weights">, names: WorkerNumbers): Picture {
  const snapshot = workers.snapshot();
  for (const { facts } of snapshot.workers) names.of(facts.name);
  const stale = snapshot.workers.filter((worker) =>
    worker.facts.role !== "encode" && weights.holding(worker) !== "has"
  );
  return {
    snapshot,
    names: [...names.names],
    weights: {
      version: weights.version,
      stale: stale.map(({ facts }) => facts.name),
      isHeld: weights.isHeld,
    },
  };
}
