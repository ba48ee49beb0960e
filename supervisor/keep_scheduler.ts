// Keeps the user's own router running in front of the workers: from their being ready until they stop, and again after it dies.
//
//   waiting ── workers ready ──► running ── exit ──► pausing ── its time ──► running
//      └──────────── draining, stopping, closed ──► ended ◄─── given up ───────┘

import { connect } from "node:net";
import type { SchedulerPlan } from "../plan/plan.ts";
import type { Clock } from "./clock.ts";
import type { EventStream } from "./event_stream.ts";
import type { FleetEvent } from "./events.ts";
import { exitMeaning, exitText } from "./exit_meaning.ts";
import type { LogStore } from "./log_store.ts";
import { decideRestart, type RestartRule } from "./restart.ts";
import { identityEnvironment, type RunIdentity } from "./run_identity.ts";
import type { Child, Exit, spawnWorker } from "./spawn.ts";

export interface SchedulerDeps {
  readonly events: EventStream;
  readonly identity: RunIdentity;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly restart: RestartRule;
  readonly openLog: (onLine: (line: string) => void) => LogStore;
  readonly clock: Clock;
  readonly spawn: typeof spawnWorker;
}

export interface KeptScheduler {
  /** Resolves when its process is gone. */
  close(): Promise<void>;
}

type Life =
  | { readonly is: "waiting" }
  | { readonly is: "running"; readonly child: Child; readonly startedMs: number }
  | { readonly is: "pausing"; callOff(): void }
  | { readonly is: "ended" };

const GRACE_MS = 5_000;
const LISTEN_LIMIT_MS = 60_000;
const LOOK_MS = 200;
const LAST_LINES = 12;

export function keepScheduler(plan: SchedulerPlan, deps: SchedulerDeps): KeptScheduler {
  const { events, clock } = deps;
  const log = deps.openLog((line) => events.emit({ type: "log", worker: "scheduler", line }));
  const failures: number[] = [];
  let life: Life = { is: "waiting" };
  const start = (): Life => {
    log.startOver();
    const env = { ...deps.env, ...identityEnvironment(deps.identity), PYTHONUNBUFFERED: "1" };
    const spawned = deps.spawn({ argv: plan.argv, env, cwd: plan.cwd, onOutput: (bytes) => log.write(bytes) });
    if (spawned.is === "failed") return failed(null, spawned.reason, clock.nowMs());
    const running: Life = { is: "running", child: spawned.child, startedMs: clock.nowMs() };
    void spawned.child.exited.then((exit) => {
      spawned.child.readOutput();
      if (life === running) life = failed(exit, null, running.startedMs);
    });
    void tellListening(plan, () => life === running, events);
    return running;
  };
  const failed = (exit: Exit | null, reason: string | null, startedMs: number): Life => {
    const nowMs = clock.nowMs();
    failures.push(nowMs);
    const decision = decideRestart(deps.restart, failures, nowMs);
    const next = decision.is === "retry"
      ? `it starts again in ${Math.round((decision.atMs - nowMs) / 100) / 10} s`
      : null;
    events.emit(failureOf(exit, reason, next, nowMs - startedMs, log));
    if (decision.is !== "retry") return { is: "ended" };
    return { is: "pausing", callOff: clock.at(decision.atMs, () => void (life = start())) };
  };
  const end = () => {
    const before = life;
    life = { is: "ended" };
    if (before.is === "pausing") before.callOff();
    if (before.is === "running") before.child.signalGroup("SIGTERM");
    return before;
  };
  let ending: Life | null = null;
  const unsubscribe = events.subscribe(({ type }) => {
    if (type === "ready" && life.is === "waiting") life = start();
    if (type === "draining" || type === "stopping") ending ??= end();
  });
  return {
    async close() {
      unsubscribe();
      ending ??= end();
      if (ending.is === "running") await goneWithin(GRACE_MS, ending.child);
      await log.close();
    },
  };
}

/** As clients see it: once its port takes connections. */
async function tellListening({ port }: SchedulerPlan, isCurrent: () => boolean, events: EventStream): Promise<void> {
  for (let waitedMs = 0; waitedMs < LISTEN_LIMIT_MS; waitedMs += LOOK_MS) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS).unref());
    if (!isCurrent()) return;
    if (await takesConnections(port)) return events.emit({ type: "listening", url: `http://127.0.0.1:${port}` });
  }
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    const tell = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.on("connect", () => tell(true)).on("error", () => tell(false));
  });
}

async function goneWithin(graceMs: number, child: Child): Promise<void> {
  const timer = setTimeout(() => child.signalGroup("SIGKILL"), graceMs);
  await child.exited;
  clearTimeout(timer);
  // What it has started itself and left behind.
  child.signalGroup("SIGKILL");
}

function failureOf(
  exit: Exit | null,
  reason: string | null,
  next: string | null,
  afterMs: number,
  log: LogStore,
): FleetEvent {
  const ended = { exitCode: exit?.code ?? null, signal: exit?.signal ?? null };
  const how = exit === null ? `cannot be started: ${reason}` : exitText(ended);
  const why = exit === null ? "the command is none that runs here" : exitMeaning(ended).why;
  return {
    type: "failed",
    failure: {
      ...{ worker: "scheduler", gpus: [], during: "ready", exit, afterMs, logPath: log.path },
      diagnosis: {
        ...{ rule: null, what: `The scheduler's command ${how}`, line: null },
        why: next === null ? `${why}; it failed too often and stays down` : `${why}; ${next}`,
        fix: "read its log, or let pdserve's own router serve: --scheduler builtin",
      },
      lastLines: log.lines().slice(-LAST_LINES),
    },
  };
}
