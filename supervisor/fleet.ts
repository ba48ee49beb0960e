// A plan's workers from start to end: all started at once, proven together, stopped in order. The one writer of their states.

import type { Plan, WorkerPlan } from "../plan/plan.ts";
import { admit, type Admitted } from "./admit.ts";
import { type Clock, realClock } from "./clock.ts";
import type { Diagnosis } from "./engines/engine.ts";
import type { PairProof, WorkerFailure } from "./events.ts";
import type { Fleet, FleetDeps } from "./fleet_deps.ts";
import { type FleetMembers, makeMembers } from "./fleet_members.ts";
import { type FleetOrders, makeOrders } from "./fleet_orders.ts";
import { type FleetPicture, makeFleetPicture, pictureOf } from "./fleet_picture.ts";
import { type HeldPorts, holdPorts, portKeeper, type TakenPort } from "./hold_ports.ts";
import { kvRoomByRole } from "./kv_room.ts";
import { portTaken } from "./plain_diagnoses.ts";
import type { Fetch } from "./probe.ts";
import { type RollIo, rollPeers } from "./roll_worker.ts";
import { lookAgain } from "./restart.ts";
import type { FleetView, WorkerSnapshot, WorkerState } from "./snapshot.ts";
import { spawnWorker } from "./spawn.ts";
import { stopFleet, type Stopping } from "./stop_fleet.ts";
import type { StopWish } from "./stop_signals.ts";
import { makeTellWorker, type TellWorker } from "./tell_worker.ts";
import { isRunning, type WorkerRule } from "./worker.ts";
import { WorkerRunner } from "./worker_runner.ts";

export type { Fleet, FleetDeps } from "./fleet_deps.ts";

const exitCodes = { asAsked: 0, couldNot: 1, tryAgain: 75, interrupted: 130 } as const;

/** How long an engine's children may outlive the process that was asked to leave. */
const LINGER_MS = 1_000;

/** Spawns every worker before it returns. */
export function startFleet(plan: Plan, deps: FleetDeps): Fleet {
  const fleet = new RunningFleet(plan, deps);
  fleet.start();
  return fleet;
}

class RunningFleet implements Fleet {
  readonly done: Promise<number>;
  readonly #plan: Plan;
  readonly #deps: FleetDeps;
  readonly #clock: Clock;
  readonly #fetch: Fetch;
  readonly #startedMs: number;
  readonly #ports: HeldPorts;
  readonly #members: FleetMembers;
  readonly #picture: FleetPicture;
  readonly #finish: (exitCode: number) => void;
  readonly #engineIds = new Map<string, Readonly<Record<string, string>>>();
  readonly orders: FleetOrders;
  readonly #tell: TellWorker;
  #firstFailed: string | null = null;
  #admitting: Promise<void> = Promise.resolve();
  #stopping: Stopping | null = null;
  #exitCode: number = exitCodes.asAsked;

  constructor(plan: Plan, deps: FleetDeps) {
    this.#plan = plan;
    this.#deps = deps;
    this.#clock = deps.clock ?? realClock;
    this.#fetch = deps.fetch ?? fetch;
    this.#startedMs = this.#clock.nowMs();
    this.#tell = makeTellWorker(deps.events, this.#clock);
    this.#ports = holdPorts(plan.workers, deps.ports ?? portKeeper);
    this.#members = makeMembers(plan.workers, {
      ...{ basis: plan, ports: this.#ports, engine: deps.engine, connector: deps.connector, events: deps.events },
      runId: deps.identity.runId,
      makeRunner: (worker, generation) => this.#makeRunner(worker, generation),
      onChange: () => this.#picture.redraw(),
    });
    this.#picture = makeFleetPicture(deps.workerApiKey, () => this.#pictured());
    this.orders = this.#takeOrders();
    ({ promise: this.done, resolve: this.#finish } = Promise.withResolvers<number>());
  }

  get #runners(): ReadonlyMap<string, WorkerRunner> {
    return this.#members.runners;
  }

  get view(): FleetView {
    return this.#picture;
  }

  start(): void {
    const [taken] = this.#ports.taken;
    if (taken !== undefined) return this.#refuse(taken);
    for (const runner of this.#runners.values()) runner.send({ is: "start" });
    if (this.#runners.size === 0) this.#admit([]);
  }

  #refuse(taken: TakenPort): void {
    const { name, gpus } = taken.worker;
    const nothing = { exit: null, afterMs: 0, lastLines: [], logPath: null };
    const failure = { worker: name, gpus, diagnosis: portTaken(taken), during: "planning", ...nothing };
    this.#deps.events.emit({ type: "failed", failure });
    this.#end("drain", exitCodes.tryAgain);
  }

  processes() {
    return [...this.#runners.values()].flatMap(({ plan: { name, port }, process }) =>
      process === null ? [] : [{ name, port, process }]
    );
  }

  stop(wish: StopWish): void {
    const insists = this.#stopping !== null && wish !== "drain";
    this.#end(wish, insists ? exitCodes.interrupted : exitCodes.asAsked);
  }

  #changed(name: string, state: WorkerState): void {
    this.#picture.redraw();
    if (!this.#tell(name, state)) return;
    if (state.is === "failed" || state.is === "fatal" || state.is === "backoff") this.#firstFailed ??= name;
    if (state.is === "backoff" && this.#deps.connector.peersRestartToo) rollPeers(name, this.#runners, this.#rollIo());
    if (state.is === "proving") this.#admitWhenComplete(name);
  }

  /** While starting, all are proven together; later, whoever comes back, one after the other. */
  #admitWhenComplete(name: string): void {
    const { phase, workers } = this.#picture.snapshot();
    if (phase === "serving") this.#admit([name]);
    if (phase === "starting" && workers.every(({ state }) => state.is === "proving")) {
      this.#admit(workers.map(({ facts }) => facts.name));
    }
  }

  /** Two that come back together must be proven with each other, so the second waits until the first serves. */
  #admit(newcomers: readonly string[]): void {
    this.#admitting = this.#admitting.then(async () => {
      const { connector, prove } = this.#deps;
      const generations = newcomers.map((name) => this.#generationOf(name));
      const left = newcomers.map((name) => this.#runners.get(name)?.until(({ is }) => is !== "proving"));
      const trial = admit(newcomers, {
        ...{ connector, prove, fetch: this.#fetch, clock: this.#clock },
        workers: () => this.#picture.snapshot().workers,
        onFound: (name, ids) => {
          this.#engineIds.set(name, ids);
          this.#picture.redraw();
        },
        // Workers that are being stopped prove nothing, and their refutation is no news.
        onProof: (proof) => this.#stopping === null && this.#deps.events.emit({ type: "proof", proof }),
      });
      // A hung peer can hold up a proof for minutes; nobody waits for that of a worker that has gone meanwhile.
      const admitted = await Promise.race([trial, Promise.race(left).then(() => null)]);
      // What was found of a process says nothing of the next one.
      if (admitted === null || newcomers.some((name, index) => this.#generationOf(name) !== generations[index])) return;
      this.#settle(newcomers, admitted);
    });
  }

  #settle(newcomers: readonly string[], admitted: Admitted): void {
    if (admitted.is === "refused") {
      // A peer that failed meanwhile refutes nothing: the newcomer is tried with those that are left.
      if (admitted.refused.some(({ peer }) => this.#hasFailed(peer))) return this.#admit(newcomers);
      for (const { worker, diagnosis } of admitted.refused) {
        this.#runners.get(worker)?.send({ is: "refuted", diagnosis });
      }
      return;
    }
    if (this.#stopping !== null) return;
    for (const name of newcomers) this.#runners.get(name)?.send({ is: "proven" });
    if (this.#picture.snapshot().phase === "starting") this.#serve(admitted.proofs);
  }

  #hasFailed(peer: string | null): boolean {
    const state = peer === null ? undefined : this.#runners.get(peer)?.life.state;
    return this.#picture.snapshot().phase === "serving" && state !== undefined && !isRunning(state);
  }

  #generationOf(name: string): number {
    return this.#runners.get(name)?.life.generation ?? 0;
  }

  #serve(proofs: readonly PairProof[] | null): void {
    this.#picture.setPhase("serving");
    const { url, runDir, connector, events } = this.#deps;
    const count = (role: string) => this.#plan.workers.filter((worker) => worker.role === role).length;
    const ready = {
      ...{ url, runDir, model: this.#plan.servedModelName, tookMs: this.#elapsedMs() },
      ...{ proofs, connector: connector.name, prefill: count("prefill"), decode: count("decode") },
      kvRoom: kvRoomByRole([...this.#runners.values()].map(({ plan, kvRoom }) => ({ role: plan.role, room: kvRoom }))),
    };
    events.emit({ type: "ready", ready });
  }

  /** A failing start ends the run, and names only the worker that failed first: what follows is mostly its echo. */
  #failed(failure: WorkerFailure): void {
    const starting = this.#picture.snapshot().phase === "starting";
    if (starting && this.#firstFailed !== null && this.#firstFailed !== failure.worker) return;
    this.#deps.events.emit({ type: "failed", failure });
    if (starting || this.#deps.failFast) this.#end("drain", exitCodes.couldNot);
  }

  #end(wish: StopWish, exitCode: number): void {
    if (this.#stopping !== null) {
      if (this.#exitCode === exitCodes.asAsked) this.#exitCode = exitCode;
      return this.#stopping.hurry(wish);
    }
    this.#exitCode = exitCode;
    const served = this.#picture.snapshot().phase === "serving";
    this.#picture.setPhase("draining");
    const { events, inFlight, engine, drainTimeoutMs } = this.#deps;
    this.#stopping = stopFleet({
      runners: [...this.#runners.values()],
      inFlight,
      drainLimitMs: served ? drainTimeoutMs : null,
      graceMs: engine.stop.graceMs,
      clock: this.#clock,
      onDraining: (draining) => events.emit({ type: "draining", ...draining }),
      onStopping: (forced) => events.emit({ type: "stopping", forced }),
    }, wish);
    void this.#stopping.done.then((left) => this.#stopped(left));
  }

  async #stopped(left: readonly Diagnosis[]): Promise<void> {
    await Promise.all([...this.#runners.values()].map((runner) => runner.closeLog()));
    for (const { what, why, fix } of left) {
      this.#deps.events.emit({ type: "warning", problem: { what, why, fix, where: "machine", severity: "warning" } });
    }
    if (left.length > 0 && this.#exitCode === exitCodes.asAsked) this.#exitCode = exitCodes.couldNot;
    this.#ports.giveUp();
    this.#picture.setPhase("stopped");
    this.#deps.events.emit({ type: "stopped", exitCode: this.#exitCode });
    this.#finish(this.#exitCode);
  }

  #makeRunner(worker: WorkerPlan, generation: number): WorkerRunner {
    const { name } = worker;
    const { workerApiKey, events, spawn = spawnWorker } = this.#deps;
    return new WorkerRunner(worker, {
      ...this.#deps,
      spawn,
      apiKey: workerApiKey,
      servedModelName: this.#plan.servedModelName,
      clock: this.#clock,
      fetch: this.#fetch,
      rule: () => this.#ruleOf(worker),
      next: (before, generation) => this.#members.next(before, generation),
      releasePorts: () => this.#ports.release(name),
      onLine: (line) => events.emit({ type: "log", worker: name, line }),
      onChange: ({ state }) => this.#changed(name, state),
      onFailure: (failure) => this.#failed(failure),
    }, generation);
  }

  #rollIo(): RollIo {
    const { drainTimeoutMs, engine, inFlight } = this.#deps;
    return {
      ...{ clock: this.#clock, drainTimeoutMs, graceMs: engine.stop.graceMs },
      busy: (name) => inFlight.ofWorker(name) + (inFlight.expectedOn?.(name) ?? 0),
      heard: async () => await inFlight.heard?.(),
      isEnding: () => this.#stopping !== null,
    };
  }

  #takeOrders(): FleetOrders {
    return makeOrders({
      ...this.#members,
      phase: () => this.#picture.snapshot().phase,
      roll: this.#rollIo(),
    });
  }

  /** Nothing comes back by itself while a start or a stop is under way: the one ends with it, the other wants it gone. */
  #ruleOf({ name, external }: WorkerPlan): WorkerRule {
    const { startupTimeoutMs, restart, failFast } = this.#deps;
    const again = external === null ? restart : lookAgain;
    const serves = this.#picture.snapshot().phase === "serving" && !failFast;
    return { name, startupTimeoutMs, lingerMs: LINGER_MS, restart: serves ? again : { is: "never" } };
  }

  #pictured(): readonly WorkerSnapshot[] {
    return [...this.#runners.values()].map((runner) => pictureOf(runner, this.#engineIds.get(runner.plan.name) ?? {}));
  }

  #elapsedMs(): number {
    return Math.round(this.#clock.nowMs() - this.#startedMs);
  }
}
