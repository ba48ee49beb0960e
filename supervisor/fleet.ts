// A plan's workers from start to end: all started at once, proven together, stopped in order. The one writer of their states.

import type { Connector } from "../kv/connector.ts";
import { factsOf, type Plan, type WorkerPlan } from "../plan/plan.ts";
import { type Clock, realClock } from "./clock.ts";
import type { Diagnosis, Engine } from "./engines/engine.ts";
import type { EventStream } from "./event_stream.ts";
import type { PairProof, WorkerFailure } from "./events.ts";
import { type FleetPicture, makeFleetPicture, type PicturedWorker } from "./fleet_picture.ts";
import { type HeldPorts, holdPorts, type PortKeeper, portKeeper, type TakenPort } from "./hold_ports.ts";
import type { LogStore } from "./log_store.ts";
import { portTaken } from "./plain_diagnoses.ts";
import type { Fetch } from "./probe.ts";
import { discover, type Prove, proveFleet } from "./prove_fleet.ts";
import { lookAgain, type RestartRule } from "./restart.ts";
import type { RunIdentity } from "./run_identity.ts";
import type { FleetView, WorkerState } from "./snapshot.ts";
import { spawnWorker } from "./spawn.ts";
import { type InFlight, stopFleet, type Stopping } from "./stop_fleet.ts";
import type { StopWish } from "./stop_signals.ts";
import type { GpuHolder, WorkerProcess } from "./worker_process.ts";
import { WorkerRunner } from "./worker_runner.ts";
import { urlOf } from "./worker_url.ts";

export interface FleetDeps {
  readonly engine: Engine;
  readonly connector: Connector;
  readonly identity: RunIdentity;
  readonly events: EventStream;
  /** Where clients reach the router, and where the run keeps its files: told in the `ready` event. */
  readonly url: string;
  readonly runDir: string;
  /** Limit for a starting worker, counted from its last progress. */
  readonly startupTimeoutMs: number;
  readonly drainTimeoutMs: number;
  readonly restart: RestartRule;
  /** Null for `--no-canary`. */
  readonly prove: Prove | null;
  readonly inFlight: InFlight;
  readonly workerApiKey: string | null;
  readonly openLog: (worker: string, onLine: (line: string) => void) => LogStore;
  /** Who holds memory of these GPUs; null where the driver does not tell. */
  readonly gpuHolders: (gpus: readonly string[]) => Promise<readonly GpuHolder[] | null>;
  /** What the workers inherit. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock?: Clock;
  readonly fetch?: Fetch;
  readonly spawn?: typeof spawnWorker;
  readonly ports?: PortKeeper;
}

export interface Fleet {
  readonly view: FleetView;
  /** The newest process of each worker that was started, for run.json. */
  processes(): readonly { readonly name: string; readonly port: number; readonly process: WorkerProcess }[];
  /** A stronger wish than before hurries; a weaker one changes nothing. */
  stop(wish: StopWish): void;
  /**
   * The exit code, once every worker is gone: 0 stopped as asked, 1 could not start, 75 a port was taken meanwhile, 130 somebody
   * could not wait.
   */
  readonly done: Promise<number>;
}

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
  readonly #runners: ReadonlyMap<string, WorkerRunner>;
  readonly #picture: FleetPicture;
  readonly #finish: (exitCode: number) => void;
  readonly #engineIds = new Map<string, Readonly<Record<string, string>>>();
  readonly #told = new Map<string, WorkerState>();
  #firstFailed: string | null = null;
  #stopping: Stopping | null = null;
  #exitCode: number = exitCodes.asAsked;

  constructor(plan: Plan, deps: FleetDeps) {
    this.#plan = plan;
    this.#deps = deps;
    this.#clock = deps.clock ?? realClock;
    this.#fetch = deps.fetch ?? fetch;
    this.#startedMs = this.#clock.nowMs();
    this.#ports = holdPorts(plan.workers, deps.ports ?? portKeeper);
    this.#runners = new Map(plan.workers.map((worker) => [worker.name, this.#makeRunner(worker)]));
    this.#picture = makeFleetPicture(deps.workerApiKey, () => this.#pictured());
    ({ promise: this.done, resolve: this.#finish } = Promise.withResolvers<number>());
  }

  get view(): FleetView {
    return this.#picture;
  }

  start(): void {
    const [taken] = this.#ports.taken;
    if (taken !== undefined) return this.#refuse(taken);
    for (const runner of this.#runners.values()) runner.send({ is: "start" });
    if (this.#runners.size === 0) void this.#admit([]);
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
    if (this.#told.get(name) === state) return;
    this.#told.set(name, state);
    const stage = state.is === "starting" ? state.stage : null;
    this.#deps.events.emit({ type: "worker", name, state: state.is, stage, elapsedMs: this.#elapsedMs() });
    if (state.is === "failed" || state.is === "fatal" || state.is === "backoff") this.#firstFailed ??= name;
    if (state.is === "proving") this.#admitWhenComplete(name);
  }

  /** While starting, all are proven together; later, whoever comes back. */
  #admitWhenComplete(name: string): void {
    const { phase, workers } = this.#picture.snapshot();
    if (phase === "serving") void this.#admit([name]);
    if (phase === "starting" && workers.every(({ state }) => state.is === "proving")) {
      void this.#admit(workers.map(({ facts }) => facts.name));
    }
  }

  /** Lets healthy workers serve once their handoff is proven, with each other and with those that serve already. */
  async #admit(newcomers: readonly string[]): Promise<void> {
    if (!await this.#discover(newcomers)) return;
    const proofs = this.#deps.prove === null ? null : await this.#prove(newcomers, this.#deps.prove);
    for (const proof of proofs ?? []) {
      if (proof.is !== "refuted") continue;
      const blamed = newcomers.includes(proof.decode) ? proof.decode : proof.prefill;
      return this.#send(blamed, { is: "refuted", diagnosis: proof.diagnosis });
    }
    if (this.#stopping !== null) return;
    for (const name of newcomers) this.#send(name, { is: "proven" });
    if (this.#picture.snapshot().phase === "starting") this.#serve(proofs);
  }

  async #discover(names: readonly string[]): Promise<boolean> {
    const workers = this.#picture.snapshot().workers.filter(({ facts }) => names.includes(facts.name));
    const io = { fetch: this.#fetch, clock: this.#clock };
    const answers = await Promise.all(workers.map((worker) => discover(worker, this.#deps.connector, io)));
    answers.forEach((answer, index) => {
      const name = workers[index]?.facts.name ?? "";
      if (answer.is === "found") this.#engineIds.set(name, answer.engineIdByRank);
      else this.#send(name, { is: "refuted", diagnosis: answer.diagnosis });
    });
    this.#picture.redraw();
    return answers.every(({ is }) => is === "found");
  }

  #prove(newcomers: readonly string[], prove: Prove): Promise<readonly PairProof[]> {
    const workers = this.#picture.snapshot().workers;
    const roles = new Set(workers.filter(({ facts }) => newcomers.includes(facts.name)).map(({ facts }) => facts.role));
    const taking = workers.filter(({ facts, state }) =>
      newcomers.includes(facts.name) || (state.is === "ready" && !roles.has(facts.role))
    );
    return proveFleet(taking.map(({ facts }) => facts), prove, (proof) => {
      // Workers that are being stopped prove nothing, and their refutation is no news.
      if (this.#stopping === null) this.#deps.events.emit({ type: "proof", proof });
    });
  }

  #serve(proofs: readonly PairProof[] | null): void {
    this.#picture.setPhase("serving");
    const { url, runDir, connector, events } = this.#deps;
    const count = (role: string) => this.#plan.workers.filter((worker) => worker.role === role).length;
    const ready = {
      url,
      runDir,
      model: this.#plan.servedModelName,
      tookMs: this.#elapsedMs(),
      proofs,
      connector: connector.name,
      prefill: count("prefill"),
      decode: count("decode"),
    };
    events.emit({ type: "ready", ready });
  }

  /** A failing start ends the run, and names only the worker that failed first: what follows is mostly its echo. */
  #failed(failure: WorkerFailure): void {
    const starting = this.#picture.snapshot().phase === "starting";
    if (starting && this.#firstFailed !== null && this.#firstFailed !== failure.worker) return;
    this.#deps.events.emit({ type: "failed", failure });
    if (starting) this.#end("drain", exitCodes.couldNot);
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
      onDraining: (count, limitMs) => events.emit({ type: "draining", inFlight: count, limitMs }),
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

  #makeRunner(worker: WorkerPlan): WorkerRunner {
    const { name } = worker;
    const { startupTimeoutMs, restart, workerApiKey, events, spawn = spawnWorker } = this.#deps;
    return new WorkerRunner(worker, {
      ...this.#deps,
      spawn,
      apiKey: workerApiKey,
      clock: this.#clock,
      fetch: this.#fetch,
      rule: { name, startupTimeoutMs, lingerMs: LINGER_MS, restart: worker.external === null ? restart : lookAgain },
      releasePorts: () => this.#ports.release(name),
      onLine: (line) => events.emit({ type: "log", worker: name, line }),
      onChange: ({ state }) => this.#changed(name, state),
      onFailure: (failure) => this.#failed(failure),
    });
  }

  #pictured(): readonly PicturedWorker[] {
    return [...this.#runners.values()].map(({ plan, life, process }) => ({
      facts: { ...factsOf(plan), engineIdByRank: this.#engineIds.get(plan.name) ?? {} },
      url: urlOf(plan),
      state: life.state,
      generation: life.generation,
      pid: process?.pid ?? null,
    }));
  }

  #send(name: string, event: Parameters<WorkerRunner["send"]>[0]): void {
    this.#runners.get(name)?.send(event);
  }

  #elapsedMs(): number {
    return Math.round(this.#clock.nowMs() - this.#startedMs);
  }
}
