// Stops a fleet: lets requests finish, then ends the workers in order, faster each time somebody insists.

import type { Clock } from "./clock.ts";
import type { Diagnosis } from "./engines/engine.ts";
import type { FleetEvent } from "./events.ts";
import type { InFlight } from "./in_flight.ts";
import { stopWaves } from "./stop_order.ts";
import type { StopWish } from "./stop_signals.ts";
import type { WorkerRunner } from "./worker_runner.ts";

/** "Now" still gives an engine the time to say goodbye to its GPU. */
const HURRIED_GRACE_MS = 3_000;

/** Somebody waits in front of a terminal. */
const TELL_EVERY_MS = 1_000;

export type Draining = Omit<Extract<FleetEvent, { type: "draining" }>, "type">;

export interface StopInput {
  readonly runners: readonly WorkerRunner[];
  readonly inFlight: InFlight;
  /** How long requests may take to finish; null when the fleet never served. */
  readonly drainLimitMs: number | null;
  readonly graceMs: number;
  readonly clock: Clock;
  readonly onDraining: (draining: Draining) => void;
  readonly onStopping: (forced: boolean) => void;
}

export interface Stopping {
  /** Resolves when every worker is gone, with those that do not go. */
  readonly done: Promise<readonly Diagnosis[]>;
  /** Asks for more haste; asking for less than before changes nothing. */
  hurry(wish: StopWish): void;
}

export function stopFleet(input: StopInput, wish: StopWish): Stopping {
  const { runners } = input;
  const hurried = Promise.withResolvers<void>();
  let forced = wish !== "drain";
  const stopAll = (graceMs: number) => {
    forced = true;
    hurried.resolve();
    for (const runner of runners) runner.send({ is: "stop", graceMs });
  };
  const hurry = (to: StopWish) => {
    if (to === "now") stopAll(Math.min(input.graceMs, HURRIED_GRACE_MS));
    if (to === "kill") stopAll(0);
  };
  const stopInOrder = async () => {
    if (wish === "drain" && input.drainLimitMs !== null) await drain(input, input.drainLimitMs, hurried.promise);
    input.onStopping(forced);
    hurry(wish);
    const left: (Diagnosis | null)[] = [];
    for (const wave of stopWaves(runners, (runner) => runner.plan.role)) {
      for (const runner of wave) runner.send({ is: "stop", graceMs: input.graceMs });
      left.push(...await Promise.all(wave.map((runner) => runner.gone)));
    }
    return left.filter((diagnosis) => diagnosis !== null);
  };
  return { done: stopInOrder(), hurry };
}

/** Ends when nothing is in flight, when time is up, or when somebody cannot wait. */
async function drain(input: StopInput, limitMs: number, hurried: Promise<void>): Promise<void> {
  const { runners, inFlight, clock } = input;
  const deadlineMs = clock.nowMs() + limitMs;
  for (const runner of runners) runner.send({ is: "drain", deadlineMs });
  const ended = Promise.withResolvers<void>();
  const callOffLimit = clock.at(deadlineMs, ended.resolve);
  let callOffTelling = () => {};
  const tell = () => {
    const needed = runners.map(({ plan: { name } }) => ({ worker: name, requests: inFlight.ofWorker(name) }));
    input.onDraining({
      inFlight: inFlight.count(),
      limitMs,
      waitingFor: needed.filter(({ requests }) => requests > 0),
    });
    callOffTelling = clock.at(clock.nowMs() + TELL_EVERY_MS, tell);
  };
  tell();
  inFlight.onIdle(ended.resolve);
  await Promise.race([ended.promise, hurried]);
  callOffTelling();
  callOffLimit();
}
