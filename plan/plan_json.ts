// The plan as JSON: the contract of `pdserve plan --output json` and of plan.json in a run's folder.

import type { Planned, WorkerPlan } from "./plan.ts";
import type { Problem } from "./problem.ts";
import { maskArgv, maskEnv } from "./secrets.ts";

/** Schema 1. A plan that cannot be made has `plan_id: null`, no workers, and says why in `problems`. Secrets are masked. */
export function planJson(planned: Planned) {
  if (planned.is === "impossible") {
    return {
      ...{ schema: 1, plan_id: null, engine: null, connector: null, router: null, workers: [] },
      problems: planned.problems.map(problemJson),
    };
  }
  const { plan } = planned;
  return {
    schema: 1,
    plan_id: plan.planId,
    model: plan.model,
    served_model_name: plan.servedModelName,
    device: plan.device,
    split: plan.split,
    engine: { name: plan.engine.name, version: plan.engine.version },
    connector: plan.connector,
    router: plan.router,
    ...(plan.updatesWeights === undefined ? {} : { update_weights: plan.updatesWeights }),
    workers: plan.workers.map(workerJson),
    ...(plan.scheduler === undefined ? {} : { scheduler: { ...plan.scheduler, argv: maskArgv(plan.scheduler.argv) } }),
    problems: plan.problems.map(problemJson),
  };
}

/** `ports` holds those besides `port`: a number, or a list where a purpose takes several in a row. */
function workerJson(worker: WorkerPlan) {
  const others = Object.entries(worker.ports).filter(([purpose]) => purpose !== "http");
  return {
    ...{ name: worker.name, role: worker.role, gpus: worker.gpus, tp: worker.tp, dp: worker.dp, pp: worker.pp },
    ...{ host: worker.host, port: worker.port },
    ports: Object.fromEntries(
      others.map(([purpose, numbers]) => [purpose, numbers.length === 1 ? numbers[0] : numbers]),
    ),
    argv: maskArgv(worker.argv),
    env: maskEnv(worker.env),
    cwd: worker.cwd,
    url: worker.external,
  };
}

export function problemJson({ what, why, fix, where, severity }: Problem) {
  return { what, why, fix, where, severity };
}
