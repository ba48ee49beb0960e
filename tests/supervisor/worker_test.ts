import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Diagnosis } from "../../supervisor/engines/engine.ts";
import type { RestartRule } from "../../supervisor/restart.ts";
import type { WorkerState } from "../../supervisor/snapshot.ts";
import { plannedLife, step, type WorkerEvent, type WorkerLife, type WorkerRule } from "../../supervisor/worker.ts";

const why: Diagnosis = { rule: "r", what: "w", why: "y", fix: "f", line: null };
const explained: Diagnosis = { ...why, what: "explained" };
const stage = { name: "compiling" } as const;
const never: WorkerRule = { name: "decode-0", startupTimeoutMs: 100, lingerMs: 10, restart: { is: "never" } };
const backoff: RestartRule = {
  is: "backoff",
  firstMs: 10,
  maxMs: 40,
  giveUpAfter: 3,
  withinMs: 1_000,
  jitter: (delayMs) => delayMs,
};
const restarting: WorkerRule = { ...never, restart: backoff };

/** One of each state, as it may be met; the type makes this table complete. */
const states: { readonly [K in WorkerState["is"]]: Extract<WorkerState, { is: K }> } = {
  planned: { is: "planned" },
  starting: { is: "starting", stage: { name: "booting" }, sinceMs: 0 },
  proving: { is: "proving" },
  ready: { is: "ready" },
  draining: { is: "draining", deadlineMs: 500 },
  stopping: { is: "stopping" },
  stopped: { is: "stopped" },
  backoff: { is: "backoff", attempt: 1, untilMs: 60, last: why },
  failed: { is: "failed", diagnosis: why },
  fatal: { is: "fatal", diagnosis: why },
};
const names = Object.keys(states) as WorkerState["is"][];

const life = (is: WorkerState["is"], alarmMs: number | null = null): WorkerLife => {
  return { ...plannedLife, state: states[is], generation: is === "planned" ? 0 : 1, alarmMs };
};

interface Row {
  readonly event: WorkerEvent;
  readonly rule?: WorkerRule;
  readonly alarmMs?: number;
  /** From each state that reacts: the next state and the effects. All other states stay as they are, without effect. */
  readonly to: Partial<Record<WorkerState["is"], readonly [WorkerState["is"], ...string[]]>>;
}

const failing = ["kill", "release-ports", "explain"] as const;
const running = (to: readonly [WorkerState["is"], ...string[]]) => ({
  starting: to,
  proving: to,
  ready: to,
  draining: to,
});

const table: readonly Row[] = [
  {
    event: { is: "start" },
    to: {
      planned: ["starting", "spawn"],
      backoff: ["starting", "spawn"],
      failed: ["starting", "spawn"],
      fatal: ["starting", "spawn"],
      stopped: ["starting", "spawn"],
    },
  },
  { event: { is: "progress", stage }, to: { starting: ["starting"] } },
  { event: { is: "healthy" }, to: { starting: ["proving", "release-ports"] } },
  { event: { is: "proven" }, to: { proving: ["ready"] } },
  { event: { is: "broken", diagnosis: why }, to: running(["failed", ...failing]) },
  { event: { is: "broken", diagnosis: why }, rule: restarting, to: running(["backoff", ...failing]) },
  { event: { is: "refuted", diagnosis: why }, to: { proving: ["failed", "kill", "release-ports", "report"] } },
  { event: { is: "drain", deadlineMs: 9 }, to: { ready: ["draining"] } },
  { event: { is: "drain", deadlineMs: null }, to: { ready: ["draining"] } },
  { event: { is: "undrain" }, to: { draining: ["ready"] } },
  {
    event: { is: "stop", graceMs: 5 },
    to: {
      ...running(["stopping", "terminate"]),
      planned: ["stopped", "release-ports"],
      backoff: ["stopped", "release-ports"],
    },
  },
  { event: { is: "gone", left: null }, to: { stopping: ["stopped", "release-ports"] } },
  { event: { is: "gone", left: why }, to: { stopping: ["failed", "release-ports"] } },
  { event: { is: "alarm" }, to: {} },
  {
    event: { is: "alarm" },
    alarmMs: 50,
    to: { ...running(["failed", ...failing]), stopping: ["stopping", "kill"], backoff: ["starting", "spawn"] },
  },
];

for (const { event, rule = never, alarmMs = null, to } of table) {
  const when = `${event.is}${alarmMs === null ? "" : " when one was set"}${rule === never ? "" : " with restarts"}`;
  test(`step() on ${when} changes exactly ${Object.keys(to).join(", ") || "nothing"}`, () => {
    for (const from of names) {
      const before = life(from, alarmMs);
      const { life: after, effects } = step(before, event, 50, rule);
      const [state, ...effectNames] = to[from] ?? [from];
      const happened: readonly string[] = [from, after.state.is, ...effects.map(({ is }) => is)];
      expect(happened).toEqual([from, state, ...effectNames]);
      if (to[from] === undefined) expect(after).toEqual(before);
    }
  });
}

test("step() counts the start limit from the last progress", () => {
  const started = step(plannedLife, { is: "start" }, 50, never).life;
  expect(started.alarmMs).toBe(150);
  const further = step(started, { is: "progress", stage }, 90, never).life;
  expect(further).toMatchObject({ alarmMs: 190, state: { is: "starting", stage, sinceMs: 50 } });
  expect(step(further, { is: "progress", stage: { ...stage } }, 120, never).life.alarmMs).toBe(190);
});

test("step() gives a leader that left as asked only a moment for its children", () => {
  const stopping = step(life("ready"), { is: "stop", graceMs: 30_000 }, 0, never).life;
  expect(stopping.alarmMs).toBe(30_000);
  expect(step(stopping, { is: "broken", diagnosis: why }, 100, never).life.alarmMs).toBe(110);
});

test("step() lets a second, hastier stop shorten the grace time, and a slower one not lengthen it", () => {
  const stopping = step(life("ready"), { is: "stop", graceMs: 300 }, 0, never).life;
  expect(step(stopping, { is: "stop", graceMs: 0 }, 10, never).life.alarmMs).toBe(10);
  expect(step(stopping, { is: "stop", graceMs: 900 }, 10, never).life.alarmMs).toBe(300);
});

test("step() puts the diagnosis read from the log in place of what was known at once, and reports it", () => {
  for (const is of ["failed", "fatal", "backoff"] as const) {
    const { life: after, effects } = step(life(is), { is: "explained", diagnosis: explained }, 0, never);
    expect(JSON.stringify(after.state)).toContain('"explained"');
    expect(after.state.is).toBe(is);
    expect(effects).toEqual([{ is: "report", diagnosis: explained }]);
  }
});

test("step() numbers each start of a worker", () => {
  const again = step({ ...life("backoff", 60), generation: 4 }, { is: "alarm" }, 60, restarting);
  expect(again.life.generation).toBe(5);
  expect(again.effects).toEqual([{ is: "spawn", generation: 5 }]);
});

test("step() doubles the wait from failure to failure, then gives up", () => {
  let now = life("ready");
  const seen: unknown[] = [];
  for (const atMs of [100, 200, 300]) {
    now = step({ ...now, state: states.ready }, { is: "broken", diagnosis: why }, atMs, restarting).life;
    seen.push([now.state.is, now.alarmMs]);
  }
  expect(seen).toEqual([["backoff", 110], ["backoff", 220], ["fatal", null]]);
});

test("step() forgets earlier failures when somebody starts a worker that was given up", () => {
  const givenUp = { ...life("fatal"), failedAtMs: [10, 20, 30] };
  const again = step(givenUp, { is: "start" }, 40, restarting).life;
  const failed = step(again, { is: "broken", diagnosis: why }, 50, restarting).life;
  expect(failed.state).toMatchObject({ is: "backoff", attempt: 1 });
});

test("step() keeps waiting for the end of a dying engine while it drains", () => {
  const dying = step(life("ready"), { is: "dying" }, 0, never).life;
  const draining = step(dying, { is: "drain", deadlineMs: null }, 10, never).life;
  expect(draining.alarmMs).toBe(60_000);
  expect(step(draining, { is: "undrain" }, 20, never).life.alarmMs).toBe(60_000);
});

test("step() gives an engine that says it is dying a minute, however often it says so", () => {
  const first = step(life("ready"), { is: "dying" }, 0, never).life;
  expect(first).toMatchObject({ state: { is: "ready" }, alarmMs: 60_000 });
  expect(step(first, { is: "dying" }, 5_000, never).life.alarmMs).toBe(60_000);
});

test("supervisor/DESIGN.md tells of the states that exist, and of no other", () => {
  const text = readFileSync(join(import.meta.dir, "../../supervisor/DESIGN.md"), "utf8");
  const told = [...text.matchAll(/^\| `([a-z]+)` \|/gm)].map(([, name]) => name ?? "");
  expect(told.sort()).toEqual([...names].sort());
});
