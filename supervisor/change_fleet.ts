// Makes a serving fleet another one, worker by worker: some replaced, some added, some taken out. What fails is undone, all of it.

import type { WorkerPlan } from "../plan/plan.ts";
import type { PlanBasis } from "../plan/worker_command.ts";
import type { Diagnosis } from "./engines/engine.ts";
import type { Ordered } from "./ordered.ts";
import { endProcess, type RollIo } from "./roll_worker.ts";
import type { WorkerRunner } from "./worker_runner.ts";

/** A worker as it shall be, and what its command line is built from. */
export interface Rollout {
  readonly worker: WorkerPlan;
  readonly basis: PlanBasis;
}

export interface FleetChange {
  readonly changed: readonly Rollout[];
  readonly added: readonly Rollout[];
  /** Names. */
  readonly removed: readonly string[];
}

/** Who belongs to a fleet. */
export interface Members {
  readonly runners: ReadonlyMap<string, WorkerRunner>;
  /** Makes the worker's next process one of this plan; returns what it was before. */
  readonly adopt: (rollout: Rollout) => Rollout;
  /** Takes in a worker that has no process yet; or says why that cannot be. */
  readonly add: (rollout: Rollout) => Diagnosis | null;
  /** Forgets a worker that has no process any more; returns what it was. */
  readonly drop: (runner: WorkerRunner) => Promise<Rollout>;
}

export interface ChangeIo extends Members {
  readonly roll: RollIo;
  /** Drained and stopped if it runs, then started and proven. */
  readonly restart: (name: string) => Promise<Ordered>;
}

/** `undo` makes good what `act` has done, or has begun to do. */
interface Step {
  act(): Promise<Ordered>;
  undo(): Promise<unknown>;
}

export async function changeFleet(change: FleetChange, io: ChangeIo): Promise<Ordered> {
  const begun: Step[] = [];
  for (const step of stepsOf(change, io)) {
    begun.push(step);
    const outcome = await step.act();
    if (outcome.is === "done") continue;
    for (const { undo } of begun.reverse()) await undo();
    return outcome;
  }
  return { is: "done" };
}

/** New workers serve before old ones go, unless they need the GPUs of those. */
function stepsOf({ changed, added, removed }: FleetChange, io: ChangeIo): readonly Step[] {
  const leaving = removed.flatMap((name) => io.runners.get(name)?.plan.gpus ?? []);
  const waitsForGpu = [...added, ...changed].some(({ worker }) => shares(worker.gpus, leaving));
  const moved = inOrderOfMoves(changed, (name) => io.runners.get(name)?.plan.gpus ?? []);
  const outs = removed.map((name) => takingOut(name, io));
  const others = [...moved.map((rollout) => replacing(rollout, io)), ...added.map((rollout) => adding(rollout, io))];
  return waitsForGpu ? [...outs, ...others] : [...others, ...outs];
}

/** Who moves to another's GPU comes after that one has moved. Two that change places cannot be put in order. */
export function inOrderOfMoves(
  changed: readonly Rollout[],
  gpusNow: (worker: string) => readonly string[],
): readonly Rollout[] {
  const left = [...changed];
  const ordered: Rollout[] = [];
  while (left.length > 0) {
    const isFree = ({ worker }: Rollout) =>
      left.every((other) => other.worker === worker || !shares(gpusNow(other.worker.name), worker.gpus));
    const at = Math.max(0, left.findIndex(isFree));
    ordered.push(...left.splice(at, 1));
  }
  return ordered;
}

function shares(some: readonly string[], others: readonly string[]): boolean {
  return some.some((gpu) => others.includes(gpu));
}

function replacing(rollout: Rollout, { adopt, restart }: ChangeIo): Step {
  let before = rollout;
  return {
    act() {
      before = adopt(rollout);
      return restart(rollout.worker.name);
    },
    undo() {
      adopt(before);
      return restart(rollout.worker.name);
    },
  };
}

function adding(rollout: Rollout, io: ChangeIo): Step {
  const { name } = rollout.worker;
  return {
    async act() {
      const diagnosis = io.add(rollout);
      return diagnosis === null ? await io.restart(name) : { is: "failed", worker: name, diagnosis };
    },
    undo: () => takeOut(name, io),
  };
}

function takingOut(name: string, io: ChangeIo): Step {
  let before: Rollout | null = null;
  return {
    async act() {
      before = await takeOut(name, io);
      return { is: "done" };
    },
    async undo() {
      if (before === null || io.add(before) !== null) return;
      await io.restart(name);
    },
  };
}

/** Null for one that is not there. */
async function takeOut(name: string, { runners, roll, drop }: ChangeIo): Promise<Rollout | null> {
  const runner = runners.get(name);
  if (runner === undefined) return null;
  await endProcess(runner, roll);
  await runner.gone;
  return await drop(runner);
}
