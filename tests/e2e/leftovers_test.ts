// Runs that nobody watches: what a double kill leaves is found and reaped by the next start; a detached run is found by its verbs.

import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./plain_engine.ts";
import { killRun, processesOf, type RunningPdserve, runToEnd, startPdserve, untilGone } from "./run_pdserve.ts";

setDefaultTimeout(60_000);

const folder = mkdtempSync(join(tmpdir(), "pdserve-left-"));
const runIds: string[] = [];

afterEach(() => {
  for (const runId of runIds.splice(0)) killRun(runId);
});

async function start(...more: string[]): Promise<RunningPdserve> {
  const port = String(await freePort());
  const demo = ["demo-model", "--engine", "sim", "--pd", "1P1D", "--port", port, "--state-dir", folder];
  const run = await startPdserve([...demo, ...more], { stateDir: folder });
  runIds.push(run.runId);
  return run;
}

/** Both at once: neither can kill the workers for the other. */
function killBoth({ initPid, corePid }: RunningPdserve): void {
  process.kill(initPid, "SIGSTOP");
  process.kill(corePid, "SIGKILL");
  process.kill(initPid, "SIGKILL");
}

test("what a double kill leaves is named by the next start, and killed with --reap", async () => {
  const first = await start();
  killBoth(first);
  await first.exited;
  // A killed process takes a moment to be gone.
  while (processesOf(first.runId).includes(first.corePid)) await Bun.sleep(10);
  expect(processesOf(first.runId).length).toBe(2);
  // Its socket is still there, but nobody behind it.
  expect((await runToEnd(["status", "--state-dir", folder])).exitCode).toBe(4);

  const second = await start();
  const told = second.events.find(({ type, problem }) =>
    type === "warning" && JSON.stringify(problem).includes(first.runId)
  );
  expect(JSON.stringify(told)).toContain("--reap");
  expect(processesOf(first.runId).length).toBe(2);
  await second.stop();

  const third = await start("--reap");
  expect(processesOf(first.runId)).toEqual([]);
  expect(await third.stop()).toBe(0);
});

test("a second run of the same --name is refused", async () => {
  const first = await start("--name", "twin");
  const second = await runToEnd(["demo", "--name", "twin", "--state-dir", folder, "--port", "0"]);
  expect(second.exitCode).toBe(2);
  expect(second.stderr).toContain('A run named "twin" is running');
  await first.stop();
});

test("--detach returns when the run serves, and the run goes on without it", async () => {
  const port = String(await freePort());
  const words = ["demo", "--pd", "1P1D", "--name", "behind", "--state-dir", folder];
  const detached = await runToEnd([...words, "--port", port, "--detach"]);
  expect(detached).toMatchObject({ exitCode: 0, stdout: `http://127.0.0.1:${port}\n` });
  const { run_id } = JSON.parse(
    (await runToEnd(["status", "-o", "json", "--name", "behind", "--state-dir", folder])).stdout,
  );
  runIds.push(run_id);
  expect((await fetch(`http://127.0.0.1:${port}/ready`)).status).toBe(200);
  expect(readFileSync(join(folder, "runs", run_id, "logs/output.log"), "utf8")).toContain("ready");
  expect((await runToEnd(["stop", "--name", "behind", "--state-dir", folder])).exitCode).toBe(0);
  await untilGone(run_id);
});

test("--detach tells why a run did not start, with its exit code", async () => {
  const failing = join(import.meta.dir, "../fixtures/vllm-startup/maxlen_over_kv.log");
  const words = ["demo", "--pd", "1P1D", "--state-dir", folder, "--port", "0", "--detach"];
  const failed = await runToEnd([...words, "--decode.sim-fail-log", failing]);
  expect(failed.exitCode).toBe(1);
  expect(failed.stderr).toContain("--max-model-len 448");
  const wrong = await runToEnd([...words, "--pd", "nonsense"]);
  expect(wrong.exitCode).toBe(2);
  expect(wrong.stderr).toContain("nonsense");
  rmSync(folder, { recursive: true, force: true });
});
