// A fleet of real processes, in this process: what it tells, in which order, and that it leaves nothing.

import { afterEach, expect, setDefaultTimeout, setSystemTime, test } from "bun:test";
import { createServer, type Server } from "node:net";
import type { Plan } from "../../plan/plan.ts";
import { type Clock, realClock } from "../../supervisor/clock.ts";
import { makeEventStream } from "../../supervisor/event_stream.ts";
import type { FleetEvent } from "../../supervisor/events.ts";
import { type Fleet, type FleetDeps, startFleet } from "../../supervisor/fleet.ts";
import { killNow } from "../../supervisor/kill_tree.ts";
import { newRunId } from "../../supervisor/run_identity.ts";
import { livingOf } from "./run_program.ts";
import { fleetDeps, fleetPlan, withFreePorts } from "./small_fleet.ts";

interface Started {
  readonly fleet: Fleet;
  readonly plan: Plan;
  readonly runId: string;
  readonly events: readonly FleetEvent[];
  /** The first event, past or to come, of this type that `fits`. */
  seen<T extends FleetEvent["type"]>(type: T, fits?: (event: Extract<FleetEvent, { type: T }>) => boolean): Promise<
    Extract<FleetEvent, { type: T }>
  >;
}

setDefaultTimeout(60_000);

const runIds: string[] = [];

afterEach(() => {
  for (const runId of runIds.splice(0)) killNow(() => livingOf(runId), 5_000);
});

async function start(workers: readonly string[], changes: Partial<FleetDeps> = {}): Promise<Started> {
  return startPlan(fleetPlan(await withFreePorts(workers)), changes);
}

function startPlan(plan: Plan, changes: Partial<FleetDeps> = {}): Started {
  const runId = newRunId();
  runIds.push(runId);
  const stream = makeEventStream();
  const events: FleetEvent[] = [];
  stream.subscribe((event) => events.push(event));
  const fleet = startFleet(plan, {
    ...fleetDeps(),
    identity: { runId, initPid: process.pid },
    events: stream,
    ...changes,
  });
  const seen: Started["seen"] = (type, fits = () => true) => {
    type Wanted = Extract<FleetEvent, { type: typeof type }>;
    const wanted = (event: FleetEvent): event is Wanted => event.type === type && fits(event as Wanted);
    const { promise, resolve } = Promise.withResolvers<Wanted>();
    const past = events.find(wanted);
    if (past !== undefined) resolve(past);
    stream.subscribe((event) => wanted(event) && resolve(event));
    return promise;
  };
  return { fleet, plan, runId, events, seen };
}

const stateOf = ({ fleet }: Started, name: string) =>
  fleet.view.snapshot().workers.find(({ facts }) => facts.name === name)?.state;

/** What happened to workers, e.g. `decode-0 stopped`. */
const story = ({ events }: Started) =>
  events.flatMap((event) => event.type === "worker" && event.stage === null ? [`${event.name} ${event.state}`] : []);

test("startFleet() has spawned every worker when it returns, and takes requests once all pairs are proven", async () => {
  const started = await start(["prefill-0", "prefill-1", "decode-0"]);
  expect(started.fleet.processes().map(({ name }) => name)).toEqual(["prefill-0", "prefill-1", "decode-0"]);
  expect(started.fleet.view.snapshot()).toMatchObject({ phase: "starting", workerApiKey: "key-of-the-run" });
  const { ready } = await started.seen("ready");
  expect(ready).toMatchObject({ model: "demo", prefill: 2, decode: 1, connector: "FixtureConnector" });
  expect(ready.proofs?.map(({ prefill, decode }) => `${prefill}→${decode}`).sort())
    .toEqual(["prefill-0→decode-0", "prefill-1→decode-0"]);
  expect(started.fleet.view.snapshot().phase).toBe("serving");
  started.fleet.stop("drain");
  expect(await started.fleet.done).toBe(0);
  expect(livingOf(started.runId)).toEqual([]);
});

test("without a canary workers become ready, and nothing is claimed", async () => {
  const started = await start(["prefill-0", "decode-0"], { prove: null });
  expect((await started.seen("ready")).ready.proofs).toBeNull();
  started.fleet.stop("now");
  expect(await started.fleet.done).toBe(0);
});

test("workers get the run's marks and key, and none of pdserve's own settings", async () => {
  const env = { ...process.env, PDSERVE_API_KEY: "clients' own" };
  const started = await start(["prefill-0", "decode-0"], { env });
  await started.seen("ready");
  const [{ url } = { url: "" }] = started.fleet.view.snapshot().workers;
  const read = async (name: string) => await (await fetch(`${url}/env?${name}`)).text();
  expect(await read("VLLM_API_KEY")).toBe("key-of-the-run");
  expect(await read("PDSERVE_RUN_ID")).toBe(started.runId);
  expect(await read("PDSERVE_WORKER")).toBe("prefill-0/1");
  expect(await read("PDSERVE_API_KEY")).toBe("");
  started.fleet.stop("now");
  await started.fleet.done;
});

test("stages are read from a log that redraws its lines", async () => {
  const started = await start(["prefill-0=progress", "decode-0"]);
  await started.seen("ready");
  const stages = started.events.flatMap((event) =>
    event.type === "worker" && event.name === "prefill-0" && event.stage?.done !== undefined ? [event.stage.done] : []
  );
  expect(stages).toEqual([0, 1, 2]);
  started.fleet.stop("now");
  await started.fleet.done;
});

test("decode workers are gone before prefill workers are asked to go", async () => {
  const started = await start(["prefill-0", "decode-0", "decode-1"]);
  await started.seen("ready");
  started.fleet.stop("drain");
  await started.fleet.done;
  const order = story(started).filter((step) => step.includes("stop"));
  expect(order.slice(-2)).toEqual(["prefill-0 stopping", "prefill-0 stopped"]);
  expect(order.slice(0, 4).every((step) => step.startsWith("decode"))).toBe(true);
});

test("a stop waits for requests in flight, and says for how many", async () => {
  let finish = () => {};
  const inFlight = { count: () => 3, ofWorker: () => 0, onIdle: (callback: () => void) => void (finish = callback) };
  const started = await start(["prefill-0", "decode-0"], { inFlight });
  await started.seen("ready");
  started.fleet.stop("drain");
  expect(await started.seen("draining")).toMatchObject({ inFlight: 3, limitMs: 60_000 });
  expect(started.fleet.view.snapshot().phase).toBe("draining");
  expect(stateOf(started, "decode-0")?.is).toBe("draining");
  expect(started.events.some(({ type }) => type === "stopping")).toBe(false);
  finish();
  expect(await started.fleet.done).toBe(0);
});

test("insisting ends a drain at once and exits 130", async () => {
  const started = await start(["prefill-0", "decode-0"], {
    inFlight: { count: () => 3, ofWorker: () => 0, onIdle: () => {} },
  });
  await started.seen("ready");
  started.fleet.stop("drain");
  await started.seen("draining");
  started.fleet.stop("now");
  expect(await started.seen("stopping")).toMatchObject({ forced: true });
  expect(await started.fleet.done).toBe(130);
});

test("the wish to kill does not wait for the grace time", async () => {
  const engine = { ...fleetDeps().engine, stop: { signal: "SIGTERM", graceMs: 3_600_000 } } as const;
  const started = await start(["prefill-0=ignore-term", "decode-0=ignore-term+child-holds-log"], { engine });
  await started.seen("ready");
  started.fleet.stop("kill");
  await started.fleet.done;
  expect(livingOf(started.runId)).toEqual([]);
});

test("an exit nobody asked for is a failure, with exit code 0 too; the others go on", async () => {
  const started = await start(["prefill-0", "decode-0", "decode-1"]);
  await started.seen("ready");
  const { url } = started.fleet.view.snapshot().workers[1] ?? { url: "" };
  // It may be gone before it has answered.
  await fetch(`${url}/die`).catch(() => {});
  const { failure } = await started.seen("failed");
  expect(failure).toMatchObject({ worker: "decode-0", exit: { code: 0, signal: null }, during: "ready" });
  expect(stateOf(started, "decode-0")?.is).toBe("failed");
  expect(stateOf(started, "decode-1")?.is).toBe("ready");
  expect(started.fleet.view.snapshot().phase).toBe("serving");
  started.fleet.stop("drain");
  expect(await started.fleet.done).toBe(0);
});

test("a worker that may restart comes back as another generation, and is proven anew", async () => {
  const restart = {
    is: "backoff",
    firstMs: 1,
    maxMs: 1,
    giveUpAfter: 9,
    withinMs: 1e9,
    jitter: (ms: number) => ms,
  } as const;
  const started = await start(["prefill-0", "decode-0"], { restart });
  await started.seen("ready");
  const [first] = started.fleet.processes().slice(-1);
  process.kill(first?.process.pid ?? 0, "SIGKILL");
  await started.seen("worker", ({ name, state }) => name === "decode-0" && state === "backoff");
  const { promise, resolve } = Promise.withResolvers<void>();
  started.fleet.view.subscribe(({ workers }) => {
    if (workers.every(({ state }) => state.is === "ready")) resolve();
  });
  await promise;
  expect(started.fleet.view.snapshot().workers.map(({ generation }) => generation)).toEqual([1, 2]);
  expect(started.events.filter(({ type }) => type === "proof").length).toBe(2);
  started.fleet.stop("now");
  await started.fleet.done;
});

const soon = {
  is: "backoff",
  firstMs: 1,
  maxMs: 1,
  giveUpAfter: 3,
  withinMs: 1e9,
  jitter: (ms: number) => ms,
} as const;

const pidOf = ({ fleet }: Started, worker: string) =>
  fleet.processes().find(({ name }) => name === worker)?.process.pid ?? 0;

/** Resolves when a worker is in this state, as its so-manieth process. */
function reached(started: Started, worker: string, state: string, generation: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = () =>
    started.fleet.view.snapshot().workers.some((one) =>
      one.facts.name === worker && one.state.is === state && one.generation === generation
    ) && resolve();
  started.fleet.view.subscribe(look);
  look();
  return promise;
}

test("the next process of a worker gets another port when its own was taken meanwhile", async () => {
  const started = await start(["prefill-0", "decode-0"], { restart: { ...soon, firstMs: 200, maxMs: 200 } });
  await started.seen("ready");
  const port = started.plan.workers[1]?.port;
  process.kill(pidOf(started, "decode-0"), "SIGKILL");
  await started.fleet.processes()[1]?.process.exited;
  const thief = createServer();
  await new Promise<void>((listening) => thief.listen(port, "127.0.0.1", listening));
  await reached(started, "decode-0", "ready", 2);
  const [, decode] = started.fleet.view.snapshot().workers;
  expect(decode?.facts.httpPort).toBeGreaterThan(port ?? 0);
  expect(await (await fetch(`${decode?.url}/health`)).text()).toBe("");
  thief.close();
  started.fleet.stop("now");
  await started.fleet.done;
});

test("a worker that fails too often is given up, and the others serve on", async () => {
  const started = await start(["prefill-0", "decode-0", "decode-1"], { restart: soon });
  await started.seen("ready");
  for (const generation of [1, 2, 3]) {
    await reached(started, "decode-0", "ready", generation);
    process.kill(pidOf(started, "decode-0"), "SIGKILL");
  }
  await reached(started, "decode-0", "fatal", 3);
  expect(stateOf(started, "decode-1")?.is).toBe("ready");
  started.fleet.stop("now");
  expect(await started.fleet.done).toBe(0);
});

test("a worker is not started again while its GPU memory is held, and whoever holds it is named", async () => {
  const pids: number[] = [];
  const started = await start(["prefill-0", "decode-0"], {
    restart: soon,
    clock: fastClock(200),
    startupTimeoutMs: 1e9,
    gpuHolders: () => Promise.resolve(pids.map((pid) => ({ pid, name: "engine", bytes: 1 }))),
  });
  await started.seen("ready");
  const pid = pidOf(started, "decode-0");
  pids.push(pid);
  process.kill(pid, "SIGTERM");
  await started.seen("failed", ({ failure }) => failure.diagnosis.what.startsWith(`Process ${pid} (engine`));
  expect(pidOf(started, "decode-0")).toBe(pid);
  pids.pop();
  started.fleet.stop("now");
  await started.fleet.done;
});

test("an engine that prints nothing is judged by its probe alone", async () => {
  const started = await start(["prefill-0=silent", "decode-0=silent"]);
  await started.seen("ready");
  expect(started.events.some(({ type }) => type === "log")).toBe(false);
  started.fleet.stop("now");
  expect(await started.fleet.done).toBe(0);
});

test("an engine that forks and exits has failed, and what it forked is gone", async () => {
  const started = await start(["prefill-0", "decode-0=forks"]);
  expect(await started.fleet.done).toBe(1);
  const { failure } = await started.seen("failed");
  expect(failure).toMatchObject({ worker: "decode-0", exit: { code: 0, signal: null } });
  expect(livingOf(started.runId)).toEqual([]);
});

test("a worker killed while an operator drains it ends the drain, and its next process takes requests", async () => {
  const inFlight = { count: () => 0, ofWorker: () => 1, onIdle: (callback: () => void) => callback() };
  const started = await start(["prefill-0", "decode-0", "decode-1"], { restart: soon, inFlight });
  await started.seen("ready");
  const drained = started.fleet.orders.drain("decode-0");
  await reached(started, "decode-0", "draining", 1);
  process.kill(pidOf(started, "decode-0"), "SIGKILL");
  expect(await drained).toEqual({ is: "done" });
  await reached(started, "decode-0", "ready", 2);
  started.fleet.stop("now");
  await started.fleet.done;
});

test("a worker killed while the run drains is not started again, and the run ends as asked", async () => {
  let finish = () => {};
  const inFlight = { count: () => 1, ofWorker: () => 1, onIdle: (callback: () => void) => void (finish = callback) };
  const started = await start(["prefill-0", "decode-0"], { restart: soon, inFlight });
  await started.seen("ready");
  started.fleet.stop("drain");
  await started.seen("draining");
  process.kill(pidOf(started, "decode-0"), "SIGKILL");
  await reached(started, "decode-0", "failed", 1);
  finish();
  expect(await started.fleet.done).toBe(0);
  expect(stateOf(started, "decode-0")?.is).toBe("failed");
});

test("a driver that answers no more holds up neither a restart nor a stop", async () => {
  const gpuHolders = () => Promise.reject(new Error("GPU is lost"));
  const started = await start(["prefill-0", "decode-0"], { restart: soon, gpuHolders });
  await started.seen("ready");
  process.kill(pidOf(started, "decode-0"), "SIGKILL");
  await reached(started, "decode-0", "ready", 2);
  started.fleet.stop("drain");
  expect(await started.fleet.done).toBe(0);
});

test("orders that replace a process are carried out one at a time, and refused while the fleet does not serve", async () => {
  const started = await start(["prefill-0", "decode-0", "decode-1"], { restart: soon });
  expect(await started.fleet.orders.restart("decode-0")).toMatchObject({ is: "refused", why: "it is starting" });
  await started.seen("ready");
  const first = started.fleet.orders.restart("decode-0");
  const second = await started.fleet.orders.restart("decode-1");
  expect(second).toMatchObject({ is: "refused", why: "decode-0 is being restarted; one worker at a time" });
  expect(await first).toEqual({ is: "done" });
  expect(started.fleet.view.snapshot().workers.map(({ generation }) => generation)).toEqual([1, 2, 1]);
  started.fleet.stop("now");
  await started.fleet.done;
});

test("the clock of the supervisor does not jump with the machine's", () => {
  const before = realClock.nowMs();
  setSystemTime(new Date("2040-01-01"));
  expect(realClock.nowMs() - before).toBeLessThan(60_000);
  setSystemTime();
});

test("where peers keep old addresses for good, they are started anew with a worker that failed", async () => {
  const connector = { ...fleetDeps().connector, peersRestartToo: true };
  const started = await start(["prefill-0", "decode-0", "decode-1"], { restart: soon, connector });
  await started.seen("ready");
  process.kill(pidOf(started, "decode-0"), "SIGKILL");
  await Promise.all([reached(started, "decode-0", "ready", 2), reached(started, "prefill-0", "ready", 2)]);
  expect(started.fleet.view.snapshot().workers.map(({ generation }) => generation)).toEqual([2, 2, 1]);
  started.fleet.stop("now");
  await started.fleet.done;
});

test("with --fail-fast the first failure ends the run with exit code 1", async () => {
  const started = await start(["prefill-0", "decode-0"], { restart: soon, failFast: true });
  await started.seen("ready");
  process.kill(pidOf(started, "decode-0"), "SIGKILL");
  expect(await started.fleet.done).toBe(1);
  expect(story(started).filter((step) => step === "decode-0 starting").length).toBe(0);
});

test("a failing start names the first cause with its last lines, stops the others and exits 1", async () => {
  const started = await start(["prefill-0=fail", "decode-0=ignore-term+never-listens"]);
  expect(await started.fleet.done).toBe(1);
  expect(started.events.filter(({ type }) => type === "failed")).toMatchObject([{
    failure: {
      worker: "prefill-0",
      diagnosis: { rule: "no-room", why: "There is no room for this model", fix: "--smaller", line: 1 },
      exit: { code: 1 },
      lastLines: ["Traceback (most recent call last):", "RuntimeError: no room for this model"],
    },
  }]);
  expect(stateOf(started, "decode-0")?.is).toBe("stopped");
  expect(livingOf(started.runId)).toEqual([]);
});

test("a failing start names who else holds memory of its GPUs", async () => {
  const gpuHolders = () => Promise.resolve([{ pid: 40121, name: "python", bytes: 74e9 }]);
  const started = await start(["prefill-0=fail", "decode-0=never-listens"], { gpuHolders });
  expect(await started.fleet.done).toBe(1);
  const { failure } = await started.seen("failed");
  expect(failure.diagnosis.why).toBe("There is no room for this model, python (pid 40121) has some");
});

test("a start that hangs for ever ends at a line that says so", async () => {
  const started = await start(["prefill-0", "decode-0=doomed+never-listens"]);
  expect(await started.fleet.done).toBe(1);
  const { failure } = await started.seen("failed");
  expect(failure).toMatchObject({ worker: "decode-0", exit: null, diagnosis: { rule: "doomed", fix: "--other-port" } });
});

test("a start without progress ends at the limit", async () => {
  const started = await start(["decode-0=never-listens"], { startupTimeoutMs: 50 });
  expect(await started.fleet.done).toBe(1);
  const { failure } = await started.seen("failed");
  expect(failure.diagnosis.what).toContain("made no progress");
});

test("a program that is not there is a failing start, not an exception", async () => {
  const plan = fleetPlan(await withFreePorts(["prefill-0", "decode-0"]));
  const workers = plan.workers.map((worker) => ({ ...worker, argv: ["no-such-engine"] }));
  const started = startPlan({ ...plan, workers });
  expect(await started.fleet.done).toBe(1);
  expect((await started.seen("failed")).failure.diagnosis.what).toBe(
    'Cannot start prefill-0: "no-such-engine" does not run',
  );
});

test("a canary that shows no handoff ends the start with its diagnosis", async () => {
  const diagnosis = { rule: "recomputed", what: "decode computed it again", why: "w", fix: "f", line: null };
  const started = await start(["prefill-0", "decode-0"], {
    prove: (pair) => Promise.resolve({ is: "refuted", ...pair, diagnosis }),
  });
  expect(await started.fleet.done).toBe(1);
  expect((await started.seen("failed")).failure).toMatchObject({ worker: "decode-0", diagnosis, during: "proving" });
  expect(started.events.some(({ type }) => type === "ready")).toBe(false);
});

test("a canary that throws refutes: nothing is claimed that was not shown", async () => {
  const started = await start(["prefill-0", "decode-0"], { prove: () => Promise.reject(new Error("out of order")) });
  expect(await started.fleet.done).toBe(1);
  expect((await started.seen("failed")).failure.diagnosis.why).toBe("out of order");
});

test("a port that was taken after the plan ends the start before anything runs", async () => {
  const plan = fleetPlan(await withFreePorts(["prefill-0", "decode-0"]));
  const thief: Server = createServer();
  await new Promise<void>((listening) => thief.listen(plan.workers[1]?.port, "127.0.0.1", listening));
  const started = startPlan(plan);
  expect(await started.fleet.done).toBe(75);
  expect((await started.seen("failed")).failure.diagnosis.what).toStartWith(
    `Port ${plan.workers[1]?.port} of decode-0`,
  );
  expect(started.fleet.processes()).toEqual([]);
  thief.close();
});

test("two fleets never start on the same ports, however close together", async () => {
  const plan = fleetPlan(await withFreePorts(["prefill-0", "decode-0"]));
  const [first, second] = [startPlan(plan), startPlan(plan)];
  expect(await second.fleet.done).toBe(75);
  await first.seen("ready");
  expect(await startPlan(plan).fleet.done).toBe(75);
  first.fleet.stop("now");
  expect(await first.fleet.done).toBe(0);
  const third = startPlan(plan);
  await third.seen("ready");
  third.fleet.stop("now");
  await third.fleet.done;
});

test("a worker is stopped only when its GPU memory is back", async () => {
  let held = true;
  const pids: number[] = [];
  const started = await start(["decode-0"], {
    gpuHolders: () => Promise.resolve(held ? pids.map((pid) => ({ pid, name: "engine", bytes: 1 })) : []),
  });
  await started.seen("ready");
  pids.push(started.fleet.processes()[0]?.process.pid ?? 0);
  started.fleet.stop("now");
  await started.fleet.processes()[0]?.process.exited;
  expect(stateOf(started, "decode-0")?.is).toBe("stopping");
  held = false;
  expect(await started.fleet.done).toBe(0);
});

test("who keeps GPU memory is named, and the run does not exit 0", async () => {
  const pids: number[] = [];
  const started = await start(["decode-0"], {
    clock: fastClock(200),
    startupTimeoutMs: 1e9,
    gpuHolders: () => Promise.resolve(pids.map((pid) => ({ pid, name: "engine", bytes: 1 }))),
  });
  await started.seen("ready");
  const pid = started.fleet.processes()[0]?.process.pid ?? 0;
  pids.push(pid);
  started.fleet.stop("drain");
  expect(await started.fleet.done).toBe(1);
  const { problem } = await started.seen("warning");
  expect(problem.what).toBe(`Process ${pid} (engine, gpu memory) of decode-0 does not go`);
  expect(stateOf(started, "decode-0")?.is).toBe("failed");
});

test("a worker that somebody else started is proven, missed when silent, and taken back", async () => {
  const answer = { status: 200 };
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response(null, answer) });
  const plan = fleetPlan(["prefill-0:1", "decode-0:2"]);
  const workers = plan.workers.map((worker) => ({ ...worker, external: `http://127.0.0.1:${server.port}` }));
  const started = startPlan({ ...plan, workers }, { clock: fastClock(100), startupTimeoutMs: 1e9 });
  await started.seen("ready");
  expect(started.fleet.processes()).toEqual([]);
  answer.status = 500;
  const { failure } = await started.seen("failed");
  expect(failure.diagnosis.what).toBe(`${failure.worker} does not answer any more`);
  answer.status = 200;
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = () => started.fleet.view.snapshot().workers.every(({ state }) => state.is === "ready") && resolve();
  started.fleet.view.subscribe(look);
  look();
  await promise;
  started.fleet.stop("drain");
  expect(await started.fleet.done).toBe(0);
  await server.stop(true);
});

/** Time that passes faster, for limits of minutes. */
function fastClock(factor: number): Clock {
  const nowMs = () => realClock.nowMs() * factor;
  return { nowMs, at: (timeMs, call) => realClock.at(timeMs / factor, call) };
}
