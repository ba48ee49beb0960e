// Which workers a fleet has, and what the next process of each is built from: the plan's, until a reload says otherwise.

import type { WorkerPlan } from "../plan/plan.ts";
import type { PlanBasis } from "../plan/worker_command.ts";
import type { Members, Rollout } from "./change_fleet.ts";
import type { EventStream } from "./event_stream.ts";
import type { HeldPorts } from "./hold_ports.ts";
import { type NextProcess, nextProcess, type NextProcessIo } from "./next_process.ts";
import type { WorkerRunner } from "./worker_runner.ts";

export interface FleetMembers extends Members {
  next(worker: WorkerPlan, generation: number): NextProcess;
}

export interface MembersIo extends Omit<NextProcessIo, "basis"> {
  readonly basis: PlanBasis;
  readonly ports: HeldPorts;
  readonly events: EventStream;
  /** `generation`: of its last process, should it have been in this run before. */
  readonly makeRunner: (worker: WorkerPlan, generation: number) => WorkerRunner;
  /** Workers have come or gone. */
  readonly onChange: () => void;
}

export function makeMembers(workers: readonly WorkerPlan[], io: MembersIo): FleetMembers {
  const runners = new Map(workers.map((worker) => [worker.name, io.makeRunner(worker, 0)]));
  const bases = new Map<string, PlanBasis>();
  /** Generations of those that were taken out: a peer that knew one must not take the next for it. */
  const dropped = new Map<string, number>();
  const basisOf = (name: string) => bases.get(name) ?? io.basis;
  const next = (worker: WorkerPlan, generation: number) =>
    nextProcess(worker, generation, { ...io, basis: basisOf(worker.name) });
  return {
    runners,
    next,
    adopt({ worker, basis }) {
      const runner = runners.get(worker.name);
      const before: Rollout = { worker: runner?.plan ?? worker, basis: basisOf(worker.name) };
      if (runner !== undefined) runner.plan = worker;
      bases.set(worker.name, basis);
      return before;
    },
    add({ worker, basis }) {
      bases.set(worker.name, basis);
      const generation = dropped.get(worker.name) ?? 0;
      const first = next(worker, generation + 1);
      if (first.is === "impossible") return first.diagnosis;
      runners.set(worker.name, io.makeRunner(first.worker, generation));
      io.events.emit({ type: "added", worker: first.worker });
      io.onChange();
      return null;
    },
    async drop(runner) {
      const { name } = runner.plan;
      runners.delete(name);
      dropped.set(name, runner.life.generation);
      io.ports.forget(name);
      io.events.emit({ type: "removed", name });
      io.onChange();
      await runner.closeLog();
      return { worker: runner.plan, basis: basisOf(name) };
    },
  };
}
