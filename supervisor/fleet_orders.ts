// What an operator may order of single workers while the fleet serves. Orders that replace a process are carried out one at a time,
// so that no two workers are missing because of them.

import type { WorkerPlan } from "../plan/plan.ts";
import type { PlanBasis } from "../plan/worker_command.ts";
import type { Diagnosis } from "./engines/engine.ts";
import { drainWorker, type RollIo, rollWorker } from "./roll_worker.ts";
import type { FleetSnapshot } from "./snapshot.ts";
import type { WorkerRunner } from "./worker_runner.ts";

export type Ordered =
  | { readonly is: "done" }
  | { readonly is: "refused"; readonly what: string; readonly why: string; readonly fix: string }
  | { readonly is: "failed"; readonly worker: string; readonly diagnosis: Diagnosis };

/** A worker as it shall be, and what its command line is built from. */
export interface Rollout {
  readonly worker: WorkerPlan;
  readonly basis: PlanBasis;
}

export interface FleetOrders {
  /** Drained, stopped, started, proven. */
  restart(worker: string): Promise<Ordered>;
  /** Out of service until `undrain`; resolves when nothing needs it any more or the limit has passed. */
  drain(worker: string): Promise<Ordered>;
  undrain(worker: string): Ordered;
  /** One worker after the other; when one does not become ready, all that were replaced get their old plan back. */
  reload(rollouts: readonly Rollout[]): Promise<Ordered>;
}

export interface OrdersIo {
  readonly runners: ReadonlyMap<string, WorkerRunner>;
  readonly phase: () => FleetSnapshot["phase"];
  readonly roll: RollIo;
  /** Makes the worker's next process one of this plan; returns what it was before. */
  readonly adopt: (rollout: Rollout) => Rollout;
}

const done: Ordered = { is: "done" };

export function makeOrders(io: OrdersIo): FleetOrders {
  const { runners, phase, roll } = io;
  let rolling: string | null = null;

  /** Null when the order can be carried out. */
  function objection(name: string): Extract<Ordered, { is: "refused" }> | null {
    if (phase() !== "serving") return notServing(phase());
    return runners.get(name)?.plan.external == null ? null : notOurs(name);
  }

  async function alone(name: string, act: () => Promise<Ordered>): Promise<Ordered> {
    const refused = objection(name) ?? (rolling === null ? null : underWay(name, rolling));
    if (refused !== null) return refused;
    rolling = name;
    try {
      return await act();
    } finally {
      rolling = null;
    }
  }

  return {
    restart: (name) => alone(name, () => restart(name, io)),
    reload: (rollouts) => alone(rollouts[0]?.worker.name ?? "", () => replaceAll(rollouts, io)),
    async drain(name) {
      const refused = objection(name);
      const runner = runners.get(name);
      if (refused !== null || runner === undefined) return refused ?? notThere(name);
      if (runner.life.state.is !== "ready" && runner.life.state.is !== "draining") return notReady(name, runner);
      await drainWorker(runner, roll, null);
      return done;
    },
    undrain(name) {
      const runner = runners.get(name);
      if (runner === undefined) return notThere(name);
      if (phase() !== "serving") return notServing(phase());
      if (rolling === name) return underWay(name, rolling);
      runner.send({ is: "undrain" });
      return runner.life.state.is === "ready" ? done : notReady(name, runner);
    },
  };
}

async function restart(name: string, { runners, roll, phase }: OrdersIo): Promise<Ordered> {
  const runner = runners.get(name);
  if (runner === undefined) return notThere(name);
  const rolled = await rollWorker(runner, roll);
  if (rolled.is === "failed") return { is: "failed", worker: name, diagnosis: rolled.diagnosis };
  return rolled.is === "ready" ? done : notServing(phase());
}

async function replaceAll(rollouts: readonly Rollout[], io: OrdersIo): Promise<Ordered> {
  const before: Rollout[] = [];
  for (const rollout of rollouts) {
    before.push(io.adopt(rollout));
    const outcome = await restart(rollout.worker.name, io);
    if (outcome.is === "done") continue;
    for (const old of before.reverse()) {
      io.adopt(old);
      await restart(old.worker.name, io);
    }
    return outcome;
  }
  return done;
}

function refused(what: string, why: string, fix: string): Extract<Ordered, { is: "refused" }> {
  return { is: "refused", what, why, fix };
}

const notThere = (name: string) => refused(`There is no worker ${name}`, "it is not in the plan", "pdserve status");

const notOurs = (name: string) =>
  refused(`Cannot restart ${name}`, "somebody else started it", "restart it where it runs; it is taken back by itself");

const underWay = (name: string, other: string) =>
  refused(
    `Cannot restart ${name} now`,
    `${other} is being restarted; one worker at a time`,
    "try again when it is ready",
  );

const notReady = (name: string, { life }: WorkerRunner) =>
  refused(`Cannot do that to ${name}`, `it is ${life.state.is}`, `pdserve restart ${name}, or wait until it is ready`);

const notServing = (phase: string) =>
  refused("The fleet takes no orders now", `it is ${phase}`, "pdserve wait waits until it serves");
