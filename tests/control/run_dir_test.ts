import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, readlinkSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listRuns, pruneRuns } from "../../control/list_runs.ts";
import { recordEvents, recordProcesses } from "../../control/record_run.ts";
import { openRunDir, type RunFile, stateDirOf } from "../../control/run_dir.ts";
import { realClock } from "../../supervisor/clock.ts";
import { makeEventStream } from "../../supervisor/event_stream.ts";
import type { Fleet } from "../../supervisor/fleet.ts";
import { readProcess } from "../../supervisor/process_tree.ts";
import { fleetPlan } from "../supervisor/small_fleet.ts";

let stateDir = "";
beforeEach(() => stateDir = mkdtempSync(join(tmpdir(), "pdserve-test-")));
afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

const modeOf = (path: string) => statSync(path).mode & 0o777;
const ids = ["20261121-100000-aaaaaa", "20261121-110000-bbbbbb", "20261121-120000-cccccc"];

function runFile(runId: string, pid: number, startTicks: number): RunFile {
  const nothing = { name: "", url: null, control: "", workers: [] };
  return { schema: 1, run_id: runId, pid, core_pid: pid, start_ticks: { [pid]: startTicks }, ...nothing };
}

const gone = (runId: string) => runFile(runId, process.pid, -1);
const living = (runId: string) => runFile(runId, process.pid, readProcess(process.pid)?.startTicks ?? 0);

test("stateDirOf() takes the flag, then XDG_STATE_HOME, then the usual place", () => {
  expect(stateDirOf("/given", { XDG_STATE_HOME: "/xdg" })).toBe("/given");
  expect(stateDirOf(null, { XDG_STATE_HOME: "/xdg" })).toBe("/xdg/pdserve");
  expect(stateDirOf(null, { XDG_STATE_HOME: "" })).toEndWith("/.local/state/pdserve");
});

test("openRunDir() makes a folder that only its owner can enter, and points latest at it", () => {
  const [first, second] = ids.map((id) => openRunDir(stateDir, id));
  first?.writePlan({ plan: 1 });
  expect(modeOf(first?.path ?? "")).toBe(0o700);
  expect(modeOf(join(first?.path ?? "", "plan.json"))).toBe(0o600);
  expect(readlinkSync(join(stateDir, "runs/latest"))).toBe(ids[2] ?? "");
  expect(second?.logPath("decode-0")).toBe(join(stateDir, "runs", ids[1] ?? "", "logs/decode-0.log"));
});

test("a socket whose path would be too long for the kernel gets a private folder elsewhere", () => {
  const deep = join(stateDir, "d".repeat(100));
  const runDir = openRunDir(deep, ids[0] ?? "");
  expect(Buffer.byteLength(runDir.socketPath)).toBeLessThan(108);
  expect(modeOf(join(runDir.socketPath, ".."))).toBe(0o700);
  rmSync(join(runDir.socketPath, ".."), { recursive: true });
});

test("recordProcesses() keeps run.json as the contract has it", () => {
  const runDir = openRunDir(stateDir, ids[0] ?? "");
  const process = { pid: 41, pgid: 41, startTicks: 7, startedAtMs: Date.UTC(2026, 10, 21), generation: 2 };
  let tell = () => {};
  const workers: unknown[] = [];
  const fleet = {
    view: { snapshot: () => ({}), subscribe: (listener: () => void) => (tell = listener, () => {}) },
    processes: () => workers,
  } as unknown as Fleet;
  const facts = { runId: ids[0] ?? "", name: "box", url: "http://127.0.0.1:8000", initPid: globalThis.process.ppid };
  recordProcesses(runDir, facts, fleet);
  workers.push({ name: "decode-0", port: 8101, process });
  tell();
  expect(JSON.parse(readFileSync(join(runDir.path, "run.json"), "utf8"))).toMatchObject({
    schema: 1,
    run_id: ids[0],
    name: "box",
    url: "http://127.0.0.1:8000",
    pid: globalThis.process.ppid,
    core_pid: globalThis.process.pid,
    start_ticks: { 41: 7 },
    workers: [
      { name: "decode-0", pid: 41, pgid: 41, started_at: "2026-11-21T00:00:00.000Z", port: 8101, generation: 2 },
    ],
  });
  expect(listRuns(stateDir)[0]).toMatchObject({ runId: ids[0], alive: true });
});

test("recordEvents() writes what happened, but neither log lines nor the plan's secrets", () => {
  const runDir = openRunDir(stateDir, ids[0] ?? "");
  const events = makeEventStream();
  recordEvents(runDir, events, realClock, () => {});
  events.emit({ type: "plan", plan: fleetPlan(["decode-0:1"]), configFile: null, runDir: runDir.path });
  events.emit({ type: "log", worker: "decode-0", line: "a line" });
  events.emit({ type: "stopping", forced: true });
  const lines = readFileSync(join(runDir.path, "events.ndjson"), "utf8").trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { type: "plan", planId: "test" },
    { type: "stopping", forced: true },
  ]);
  expect(lines[0]).not.toContain("argv");
});

test("recordEvents() tells once when events cannot be written, and serving goes on", () => {
  const runDir = openRunDir(stateDir, ids[0] ?? "");
  const events = makeEventStream();
  const told: string[] = [];
  recordEvents(runDir, events, realClock, (why) => told.push(why));
  rmSync(runDir.path, { recursive: true });
  events.emit({ type: "stopping", forced: true });
  events.emit({ type: "stopped", exitCode: 0 });
  expect(told.length).toBe(1);
});

test("listRuns() tells a living run from one whose pid is now another's", () => {
  openRunDir(stateDir, ids[0] ?? "").writeRun(gone(ids[0] ?? ""));
  openRunDir(stateDir, ids[1] ?? "").writeRun(living(ids[1] ?? ""));
  openRunDir(stateDir, ids[2] ?? "");
  expect(listRuns(stateDir).map(({ runId, alive, run }) => [runId, alive, run !== null])).toEqual([
    [ids[2], false, false],
    [ids[1], true, true],
    [ids[0], false, true],
  ] as never);
  expect(listRuns(join(stateDir, "nothing here"))).toEqual([]);
});

test("pruneRuns() forgets old runs, never a living one nor one that is just being made", () => {
  openRunDir(stateDir, ids[0] ?? "").writeRun(living(ids[0] ?? ""));
  openRunDir(stateDir, ids[1] ?? "").writeRun(gone(ids[1] ?? ""));
  openRunDir(stateDir, ids[2] ?? "");
  pruneRuns(stateDir, 0);
  expect(listRuns(stateDir).map(({ runId }) => runId)).toEqual([ids[2] ?? "", ids[0] ?? ""]);
  expect(existsSync(join(stateDir, "runs", ids[1] ?? ""))).toBe(false);
});
