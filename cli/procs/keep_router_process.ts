// Keeps one place among the router processes filled: starts a process, hears what it tells, and starts another when it dies.
//
//   starting ── started ──► told what to serve ── serves ──► … ── exit ──► settled ── pause ──► starting

import { sumMetrics } from "../../router/procs/sum_metrics.ts";
import type { RequestRecord } from "../../router/request_ring.ts";
import type { Exit, RouterProcess } from "../../supervisor/spawn.ts";
import type { FromRouter, ServeMessage, ToldMessage, ToRouter } from "./messages.ts";

export interface Place {
  spawn(onMessage: (message: unknown) => void): RouterProcess;
  /** What it is to serve now. */
  order(): ServeMessage;
  /** Of that order. */
  generation(): number;
  /** Its process is gone, untold, and what it left behind may be settled. `reason`: in its own words. */
  onGone(exit: Exit, reason: string | null): void;
  onServes(): void;
  onSays(text: string): void;
}

export interface KeptProcess {
  /** Null while its process does not serve. */
  readonly generation: number | null;
  /** As last told in this generation, the dead included. */
  readonly metrics: string;
  send(message: ToRouter): void;
  /** Counts anew, as the router of another generation does. */
  forgetMetrics(): void;
  /** What it knows of requests; nothing when it does not answer soon. */
  ask(): Promise<readonly RequestRecord[]>;
  close(): Promise<void>;
}

const ANSWER_LIMIT_MS = 1_000;
const END_LIMIT_MS = 3_000;
/** Each second it tells something; one that has not for so many is stuck, and its clients with it. */
const MOST_SILENT_SECONDS = 30;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;

type Life =
  | { readonly is: "running"; readonly process: RouterProcess; silentSeconds: number; generation: number | null }
  | { readonly is: "pausing"; readonly timer: ReturnType<typeof setTimeout> }
  | { readonly is: "closing" };

export function keepRouterProcess(place: Place): KeptProcess {
  const metrics = makeMetricsOfPlace();
  const asking = makeQuestions();
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  let failures = 0;
  let reason: string | null = null;
  const hear = (message: FromRouter, running: Extract<Life, { is: "running" }>) => {
    running.silentSeconds = 0;
    if (message.is === "started") running.process.send(place.order());
    if (message.is === "cannot-serve") reason = message.reason;
    if (message.is === "serves") {
      running.generation = message.generation;
      place.onServes();
    }
    if (message.is !== "told") return;
    failures = 0;
    if (message.generation === place.generation()) metrics.take(message.metrics);
    asking.answer(message);
  };
  const start = (): Life => {
    const process = place.spawn((message) => {
      const from = message as FromRouter;
      if (from.is === "says") place.onSays(from.text);
      else if (from.is === "ended") end();
      else if (life.is === "running" && life.process === process) hear(from, life);
    });
    void process.exited.then(gone);
    return { is: "running", process, silentSeconds: 0, generation: null };
  };
  const gone = (exit: Exit) => {
    asking.giveUp();
    metrics.keep();
    if (life.is === "closing") return end();
    place.onGone(exit, reason);
    reason = null;
    const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures++);
    life = { is: "pausing", timer: setTimeout(() => void (life = start()), pauseMs) };
  };
  let life = start();
  const stopWatching = watchSilence(() => life);
  return {
    get generation() {
      return life.is === "running" ? life.generation : null;
    },
    get metrics() {
      return metrics.all();
    },
    send: (message) => sendTo(life, message),
    forgetMetrics: metrics.forget,
    ask: () => life.is === "running" ? asking.ask((message) => sendTo(life, message)) : Promise.resolve([]),
    async close() {
      stopWatching();
      const before = life;
      life = { is: "closing" };
      await closeLife(before, ended);
    },
  };
}

function sendTo(life: Life, message: ToRouter): void {
  if (life.is === "running") life.process.send(message);
}

/** Returns how to end that. */
function watchSilence(life: () => Life): () => void {
  const timer = setInterval(() => {
    const now = life();
    if (now.is === "running" && ++now.silentSeconds > MOST_SILENT_SECONDS) now.process.kill();
  }, 1_000);
  timer.unref();
  return () => clearInterval(timer);
}

/** It says when it has ended, after all else that it had to say. */
async function closeLife(life: Life, ended: Promise<void>): Promise<void> {
  if (life.is === "pausing") clearTimeout(life.timer);
  if (life.is !== "running") return;
  life.process.send({ is: "end" });
  const timer = setTimeout(life.process.kill, END_LIMIT_MS);
  await ended;
  clearTimeout(timer);
  life.process.kill();
  await life.process.exited;
}

/** What processes that died had told is kept, or the sums would fall. */
function makeMetricsOfPlace() {
  let kept = "";
  let last = "";
  return {
    take: (text: string) => void (last = text),
    keep() {
      kept = sumMetrics([kept, last]);
      last = "";
    },
    forget: () => void (kept = last = ""),
    all: () => kept === "" ? last : sumMetrics([kept, last]),
  };
}

function makeQuestions() {
  const open = new Map<number, (requests: readonly RequestRecord[]) => void>();
  let count = 0;
  return {
    ask(send: (message: ToRouter) => void): Promise<readonly RequestRecord[]> {
      const question = ++count;
      const { promise, resolve } = Promise.withResolvers<readonly RequestRecord[]>();
      const timer = setTimeout(() => resolve([]), ANSWER_LIMIT_MS);
      open.set(question, resolve);
      send({ is: "ask", question });
      return promise.finally(() => {
        clearTimeout(timer);
        open.delete(question);
      });
    },
    answer({ question, requests }: ToldMessage) {
      if (question !== null) open.get(question)?.(requests);
    },
    giveUp() {
      for (const resolve of open.values()) resolve([]);
    },
  };
}
