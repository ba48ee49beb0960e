// Does what worker.ts decides for one worker. Everything that happens to the worker comes back as an event; nothing is decided here.

import type { WorkerPlan } from "../plan/plan.ts";
import { diagnose, outlook } from "./diagnose.ts";
import type { Diagnosis, Evidence, KvRoom } from "./engines/engine.ts";
import type { WorkerFailure } from "./events.ts";
import { failureExcerpt } from "./failure_excerpt.ts";
import { addRoom } from "./kv_room.ts";
import type { LogStore } from "./log_store.ts";
import type { NextProcess } from "./next_process.ts";
import { cannotStart, doesNotGo, exitedUnasked, neverServes } from "./plain_diagnoses.ts";
import { untilHealthy } from "./probe.ts";
import type { WorkerState } from "./snapshot.ts";
import type { Exit } from "./spawn.ts";
import {
  isRunning,
  plannedLife,
  step,
  type WorkerEffect,
  type WorkerEvent,
  type WorkerLife,
  type WorkerRule,
} from "./worker.ts";
import { type GpuHolder, type Leftover, type ProcessDeps, startProcess, type WorkerProcess } from "./worker_process.ts";
import { untilUseless, type WatchIo } from "./watch_worker.ts";
import { urlOf } from "./worker_url.ts";

const LAST_LINES = 30;
/** A descendant that keeps the log open must not hold up the diagnosis. */
const LOG_END_LIMIT_MS = 1_000;

export interface RunnerDeps extends ProcessDeps, WatchIo {
  /** As it is now. */
  readonly rule: () => WorkerRule;
  readonly openLog: (worker: string, onLine: (line: string) => void) => LogStore;
  readonly releasePorts: () => void;
  /** What the next process is started with. */
  readonly next: (worker: WorkerPlan, generation: number) => NextProcess;
  readonly onLine: (line: string) => void;
  readonly onChange: (life: WorkerLife) => void;
  readonly onFailure: (failure: WorkerFailure) => void;
}

export class WorkerRunner {
  #plan: WorkerPlan;
  readonly #deps: RunnerDeps;
  readonly #log: LogStore;
  #life: WorkerLife;
  #process: WorkerProcess | null = null;
  #exit: Exit | null = null;
  #kvRoom: KvRoom | null = null;
  /** The stage in which the failure being explained happened. */
  #during = "starting";
  #probing = new AbortController();
  #callOffAlarm: () => void = () => {};
  #gone: Promise<Diagnosis | null> = Promise.resolve(null);
  #explained: Promise<void> = Promise.resolve();
  readonly #waiting = new Set<(state: WorkerState) => void>();

  /** `generation`: of its last process, where it was in this run before. */
  constructor(plan: WorkerPlan, deps: RunnerDeps, generation = 0) {
    this.#life = { ...plannedLife, generation };
    this.#plan = plan;
    this.#deps = deps;
    this.#log = deps.openLog(plan.name, (line) => this.#readLine(line));
  }

  /** What the present process was started with, or the next one will be. */
  get plan(): WorkerPlan {
    return this.#plan;
  }

  /** For its next process; ports and engine id are chosen when that starts. */
  set plan(plan: WorkerPlan) {
    this.#plan = plan;
  }

  /** For showing; what it allows is decided in worker.ts. */
  get life(): WorkerLife {
    return this.#life;
  }

  get process(): WorkerProcess | null {
    return this.#process;
  }

  /** What its log told of it while it started; null where it told nothing. */
  get kvRoom(): KvRoom | null {
    return this.#kvRoom;
  }

  /** Resolves when no process started so far is left, or with who will not go. */
  get gone(): Promise<Diagnosis | null> {
    return this.#gone;
  }

  /** Resolves when the diagnosis of its latest failure stands in its state. */
  get explained(): Promise<void> {
    return this.#explained;
  }

  /** Resolves with the first state that fits, the present one included. */
  until(fits: (state: WorkerState) => boolean): Promise<WorkerState> {
    return new Promise((resolve) => {
      const look = (state: WorkerState) => {
        if (!fits(state)) return;
        this.#waiting.delete(look);
        resolve(state);
      };
      this.#waiting.add(look);
      look(this.#life.state);
    });
  }

  /** What the process said last may not have been read yet. */
  closeLog(): Promise<void> {
    this.#process?.readOutput();
    return this.#log.close();
  }

  send(event: WorkerEvent): void {
    const before = this.#life;
    const { life, effects } = step(before, event, this.#deps.clock.nowMs(), this.#deps.rule());
    if (life.state.is !== before.state.is) this.#during = during(before);
    this.#life = life;
    if (life.alarmMs !== before.alarmMs) this.#setAlarm(life.alarmMs);
    if (life.state !== before.state) this.#deps.onChange(life);
    for (const effect of effects) this.#run(effect);
    if (life.state.is !== before.state.is) { for (const look of [...this.#waiting]) look(life.state); }
  }

  #run(effect: WorkerEffect): void {
    switch (effect.is) {
      case "spawn":
        void this.#spawn(effect.generation);
        return;
      case "release-ports":
        this.#deps.releasePorts();
        return;
      case "terminate":
        this.#probing.abort();
        this.#process?.terminate(this.#deps.engine.stop);
        void this.#gone.then((left) => this.send({ is: "gone", left }));
        return;
      case "kill":
        this.#probing.abort();
        this.#process?.kill();
        return;
      case "explain":
        this.#explained = this.#explain();
        return;
      case "report":
        this.#deps.onFailure(this.#failure(effect.diagnosis));
    }
  }

  async #spawn(generation: number): Promise<void> {
    // The first process must not wait a turn: all workers start at once.
    const left = generation > 1 ? await this.#lastGone() : null;
    if (this.#life.state.is !== "starting" || this.#life.generation !== generation) return;
    if (left !== null) return this.send({ is: "broken", diagnosis: left });
    if (generation > 1 && !this.#planNext(generation)) return;
    this.#process = null;
    this.#exit = null;
    this.#kvRoom = null;
    this.#probing = new AbortController();
    if (this.plan.external === null && !this.#startProcess(generation)) return;
    await this.#probe(this.#probing.signal);
  }

  /** The process before must be gone and its GPU memory back, or the next one fails for want of it. */
  async #lastGone(): Promise<Diagnosis | null> {
    const before = this.#process;
    if (await this.#gone === null || before === null) return null;
    this.#gone = before.lookAgain().then((left) => this.#leftOf(left));
    return await this.#gone;
  }

  #planNext(generation: number): boolean {
    this.#log.startOver();
    const next = this.#deps.next(this.#plan, generation);
    if (next.is === "planned") this.#plan = next.worker;
    else this.send({ is: "broken", diagnosis: next.diagnosis });
    return next.is === "planned";
  }

  #leftOf(leftovers: readonly Leftover[]): Diagnosis | null {
    return leftovers.length === 0 ? null : doesNotGo(this.plan, leftovers);
  }

  #startProcess(generation: number): boolean {
    const started = startProcess(this.plan, generation, (chunk) => this.#log.write(chunk), this.#deps);
    if (started.is === "failed") {
      this.send({ is: "broken", diagnosis: cannotStart(this.plan, started.reason) });
      return false;
    }
    const { process } = started;
    this.#process = process;
    this.#gone = process.gone.then((left) => this.#leftOf(left));
    void process.exited.then((exit) => {
      // An exit that we brought about says nothing of the cause.
      if (isRunning(this.#life.state)) this.#exit = exit;
      this.send({ is: "broken", diagnosis: exitedUnasked(this.plan, exit) });
    });
    this.#deps.onChange(this.#life);
    return true;
  }

  async #probe(stopped: AbortSignal): Promise<void> {
    const { path, limitMs } = this.#deps.engine.probe;
    if (await untilHealthy(urlOf(this.plan), path, this.#deps, stopped, limitMs)) {
      this.#process?.remember();
      // What it wrote before it answered belongs to its start.
      this.#process?.readOutput();
      this.#log.lines();
      this.send({ is: "healthy" });
    }
    const useless = await untilUseless(this.plan, this.#deps, stopped);
    if (useless !== null) this.send({ is: "broken", diagnosis: useless });
  }

  #readLine(line: string): void {
    const { engine, onLine } = this.#deps;
    onLine(line);
    const prospect = outlook(engine, line);
    if (prospect === "dying") this.send({ is: "dying" });
    if (this.#life.state.is !== "starting") return;
    if (prospect === "doomed") this.send({ is: "broken", diagnosis: neverServes(this.plan, line) });
    const room = engine.kvRoom?.(line) ?? null;
    if (room !== null) this.#kvRoom = addRoom(this.#kvRoom, room);
    const stage = engine.stage(line);
    if (stage !== null) this.send({ is: "progress", stage });
  }

  async #explain(): Promise<void> {
    const process = this.#process;
    // The log is that of the process before.
    if (process?.generation !== this.#life.generation) return this.#report(this.#life);
    await Promise.race([
      process.outputEnded,
      new Promise<void>((resolve) => this.#deps.clock.at(this.#deps.clock.nowMs() + LOG_END_LIMIT_MS, resolve)),
    ]);
    const holders = await this.#deps.gpuHolders(this.plan.gpus).catch(() => null);
    const found = diagnose(this.#deps.engine, this.#evidence(holders ?? []));
    const known = diagnosisOf(this.#life);
    const betterKnown = found.rule === null && this.#exit === null && known !== null;
    this.send({ is: "explained", diagnosis: betterKnown ? { ...known, line: found.line } : found });
  }

  /** No process of this generation came to be, so there is no log to read. */
  #report(life: WorkerLife): void {
    const diagnosis = diagnosisOf(life);
    if (diagnosis !== null) this.send({ is: "explained", diagnosis });
  }

  /** `holders`: whoever has memory of its GPUs now, when its own processes are gone or going. */
  #evidence(holders: readonly GpuHolder[]): Evidence {
    const { name, role, gpus, argv } = this.plan;
    const { code = null, signal = null } = this.#exit ?? {};
    return {
      lines: this.#log.lines(),
      exitCode: code,
      signal,
      role,
      worker: name,
      gpus,
      argv,
      logPath: this.#log.path,
      holders,
    };
  }

  #failure(found: Diagnosis): WorkerFailure {
    const { lines, diagnosis } = failureExcerpt(this.#log.lines(), found, LAST_LINES);
    return {
      worker: this.plan.name,
      gpus: this.plan.gpus,
      diagnosis,
      during: this.#during,
      exit: this.#exit,
      afterMs: Math.round(this.#deps.clock.nowMs() - (this.#process?.startedAtMs ?? this.#deps.clock.nowMs())),
      lastLines: lines,
      logPath: this.#log.path,
    };
  }

  #setAlarm(atMs: number | null): void {
    this.#callOffAlarm();
    this.#callOffAlarm = atMs === null ? () => {} : this.#deps.clock.at(atMs, () => this.send({ is: "alarm" }));
  }
}

function during({ state }: WorkerLife): string {
  return state.is === "starting" ? state.stage.name : state.is;
}

function diagnosisOf({ state }: WorkerLife): Diagnosis | null {
  if (state.is === "failed" || state.is === "fatal") return state.diagnosis;
  return state.is === "backoff" ? state.last : null;
}
