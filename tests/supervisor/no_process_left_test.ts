// However a run ends, no process of it is left: real processes with bad manners, found in /proc by the run's id.

import { expect, setDefaultTimeout, test } from "bun:test";
import { environmentValue, readProcess } from "../../supervisor/process_tree.ts";
import {
  cleanUpAfterEach,
  livingOf,
  type RunProgram,
  startRun,
  untilNoneIsLeft,
  untilSoManyLive,
} from "./run_program.ts";

setDefaultTimeout(60_000);
cleanUpAfterEach();

const rude = ["prefill-0=ignore-term", "decode-0=double-fork+ignore-term+child-holds-log"];

async function startReady(workers: readonly string[]): Promise<RunProgram> {
  const run = await startRun(workers);
  await run.line(({ type }) => type === "ready");
  // init, core, two engines, the double fork, the child that holds the log (a shell and its sleep)
  await untilSoManyLive(run.runId, workers === rude ? 7 : 2 + workers.length);
  return run;
}

test("SIGTERM to init drains, stops everything and exits 0", async () => {
  const run = await startReady(rude);
  process.kill(run.pid, "SIGTERM");
  expect(await run.ended).toBe(0);
  expect(livingOf(run.runId)).toEqual([]);
});

test("Ctrl-C twice stops now and exits 130", async () => {
  const run = await startReady(rude);
  process.kill(-run.pid, "SIGINT");
  await run.line(({ type }) => type === "stopping");
  process.kill(-run.pid, "SIGINT");
  expect(await run.ended).toBe(130);
  expect(livingOf(run.runId)).toEqual([]);
});

test("an interrupt sent to init alone counts once, not twice", async () => {
  const run = await startReady(["prefill-0", "decode-0"]);
  process.kill(run.pid, "SIGINT");
  expect(await run.ended).toBe(0);
});

test("SIGKILL of the core: init kills the rest and exits 137", async () => {
  const run = await startReady(rude);
  process.kill(run.corePid, "SIGKILL");
  expect(await run.ended).toBe(137);
  expect(livingOf(run.runId)).toEqual([]);
});

test("SIGKILL of init: the core kills the rest and leaves", async () => {
  const run = await startReady(rude);
  process.kill(run.pid, "SIGKILL");
  expect(await run.ended).toBe("SIGKILL");
  await untilNoneIsLeft(run.runId);
});

test("a process that left the tree with an empty environment dies with the run", async () => {
  const run = await startReady(["prefill-0=bare-environment", "decode-0"]);
  const { line } = await run.line(({ line }) => String(line).startsWith("stranger"));
  const stranger = Number(String(line).split(" ")[1]);
  expect(readProcess(stranger)?.ppid).toBe(run.corePid);
  process.kill(run.corePid, "SIGKILL");
  await run.ended;
  // Whoever inherits it may not have taken its exit status yet.
  expect(readProcess(stranger)?.zombie ?? true).toBe(true);
});

test("a start that fails stops the others and exits 1 with the first cause", async () => {
  const run = await startRun(["prefill-0=double-fork+fail", "decode-0=ignore-term"]);
  expect(await run.ended).toBe(1);
  const failures = run.lines.filter(({ type }) => type === "failed");
  expect(failures).toMatchObject([{ failure: { worker: "prefill-0", diagnosis: { rule: "no-room" } } }]);
  expect(livingOf(run.runId)).toEqual([]);
});

test("every process of a run carries its id, init included", async () => {
  const run = await startReady(["prefill-0", "decode-0"]);
  expect(environmentValue(run.pid, "PDSERVE_RUN_ID")).toBe(run.runId);
  expect(environmentValue(run.corePid, "PDSERVE_RUN_ID")).toBe(run.runId);
});
