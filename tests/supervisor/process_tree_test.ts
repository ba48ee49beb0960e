import { afterEach, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { killNow, signalProcess } from "../../supervisor/kill_tree.ts";
import {
  childrenOf,
  environmentValue,
  listProcesses,
  processesOfRun,
  processesOfWorker,
  type ProcessInfo,
  readProcess,
  withDescendants,
} from "../../supervisor/process_tree.ts";

const runId = `test-${process.pid}`;

afterEach(() => {
  killNow(() => processesOfRun(runId, null), 5_000);
});

/** A shell with a child, in a session of its own; resolves when both run. */
async function startTree(env: Record<string, string>): Promise<ProcessInfo> {
  const script = "sleep 600 & echo started; wait";
  const shell = spawn("sh", ["-c", script], { detached: true, env: { PATH: process.env.PATH, ...env } });
  await new Promise((resolve) => shell.stdout.once("data", resolve));
  const found = readProcess(shell.pid ?? 0);
  if (found === null) throw new Error("no shell");
  return found;
}

test("readProcess() reads this process, and nothing of one that is not there", () => {
  const self = readProcess(process.pid);
  expect(self).toMatchObject({ pid: process.pid, ppid: process.ppid, zombie: false });
  expect(self?.startTicks).toBeGreaterThan(0);
  expect(readProcess(0x3fffff)).toBeNull();
});

test("readProcess() reads a name with spaces and parentheses", async () => {
  const name = "a) b (c";
  const child = spawn("sh", ["-c", `printf '%s' '${name}' > /proc/self/comm; echo ok; read _`], {
    env: { PDSERVE_RUN_ID: runId },
  });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  const found = listProcesses().find(({ pid }) => pid === child.pid);
  expect(found).toMatchObject({ name, ppid: process.pid, zombie: false });
  expect(childrenOf(process.pid).map(({ pid }) => pid)).toContain(child.pid ?? 0);
  child.stdin.end();
});

test("environmentValue() reads what a process was started with", async () => {
  const shell = await startTree({ PDSERVE_RUN_ID: runId, EMPTY: "", ALMOST_PDSERVE_RUN_ID: "other" });
  expect(environmentValue(shell.pid, "PDSERVE_RUN_ID")).toBe(runId);
  expect(environmentValue(shell.pid, "EMPTY")).toBe("");
  expect(environmentValue(shell.pid, "RUN_ID")).toBeNull();
});

test("processesOfRun() finds a run by its mark, and by its tree where there is no mark", async () => {
  const marked = await startTree({ PDSERVE_RUN_ID: runId });
  expect(processesOfRun(runId, null).map(({ sid }) => sid)).toEqual([marked.pid, marked.pid]);
  const bare = await startTree({});
  const below = processesOfRun("no such run", process.pid);
  expect(below.filter(({ sid }) => sid === bare.pid).length).toBe(2);
  killNow(() => processesOfRun("no such run", process.pid).filter(({ sid }) => sid === bare.pid), 5_000);
});

test("processesOfWorker() finds the group, those that left it with the mark, and nothing older", async () => {
  const other = await startTree({ PDSERVE_RUN_ID: runId, PDSERVE_WORKER: "decode-0/2" });
  const leader = await startTree({ PDSERVE_RUN_ID: runId });
  const mark = { runId, mark: "decode-0/2", pgid: leader.pgid, startTicks: other.startTicks };
  const found = processesOfWorker(mark).map(({ sid }) => sid).sort();
  expect(found).toEqual([leader.pid, leader.pid, other.pid, other.pid].sort());
  expect(processesOfWorker({ ...mark, startTicks: leader.startTicks + 1_000_000 })).toEqual([]);
});

test("withDescendants() follows children of children", () => {
  const at = (pid: number, ppid: number): ProcessInfo => {
    return { pid, ppid, pgid: 0, sid: 0, startTicks: 0, zombie: false, name: "" };
  };
  const all = [at(4, 3), at(1, 0), at(2, 1), at(3, 2), at(9, 0)];
  expect(withDescendants(new Set([2]), all).map(({ pid }) => pid).sort()).toEqual([2, 3, 4]);
});

test("signalProcess() leaves a process alone that has taken over the pid", async () => {
  const shell = await startTree({ PDSERVE_RUN_ID: runId });
  signalProcess({ ...shell, startTicks: shell.startTicks - 1 }, "SIGKILL");
  expect(readProcess(shell.pid)).toMatchObject({ startTicks: shell.startTicks, zombie: false });
});

test("killNow() names who does not die in time", () => {
  const self = readProcess(process.pid);
  const stubborn: ProcessInfo = { ...self, startTicks: -1 } as ProcessInfo;
  expect(killNow(() => [stubborn], 5)).toEqual([stubborn]);
});
