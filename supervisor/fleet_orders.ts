// What an operator may order of single workers while the fleet serves. Orders that replace a process are carried out one at a time,
// so that no two workers are missing because of them.

import { changeFleet, type ChangeIo, type FleetChange, type Members } from "./change_fleet.ts";
import type { Ordered } from "./ordered.ts";
import { drainWorker, type RollIo, rollWorker } from "./roll_worker.ts";
import type { FleetSnapshot } from "./snapshot.ts";
import type { WorkerRunner } from "./worker_runner.ts";

export interface FleetOrders {
  /** Drained, stopped, started, proven. */
  restart(worker: string): Promise<Ordered>;
  /** Out of service until `undrain`; resolves when nothing needs it any more or the limit has passed. */
  drain(worker: string): Promise<Ordered>;
  undrain(worker: string): Ordered;
  /** One worker after the other; when one does not become ready, the fleet is made what it was. */
  reload(change: FleetChange): Promise<Ordered>;
}

export interface OrdersIo extends Members {
  readonly phase: () => FleetSnapshot["phase"];
  readonly roll: RollIo;
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
    async reload(change) {
      const [first] = namesIn(change);
      return first === undefined ? done : await alone(first, () => changeFleet(change, withRestart(io)));
    },
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

function namesIn({ changed, added, removed }: FleetChange): readonly string[] {
  return [...[...changed, ...added].map(({ worker }) => worker.name), ...removed];
}

function withRestart(io: OrdersIo): ChangeIo {
  return { ...io, restart: (name) => restart(name, io) };
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
