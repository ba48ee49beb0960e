// A worker that dies comes back by itself: with another engine id, proven anew, and clients are told to come back meanwhile.

import { afterEach, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "./plain_engine.ts";
import { killRun, processesOf, type RunningPdserve, startPdserve } from "./run_pdserve.ts";

let running: RunningPdserve | null = null;

afterEach(() => {
  if (running !== null) killRun(running.runId);
  running = null;
});

async function startDemo(...more: string[]): Promise<RunningPdserve> {
  const port = String(await freePort());
  running = await startPdserve(["demo-model", "--engine", "sim", "--pd", "1P1D", "--port", port, ...more]);
  return running;
}

interface RunFile {
  readonly workers: readonly {
    readonly name: string;
    readonly pid: number;
    readonly port: number;
    readonly generation: number;
  }[];
}

function workerOf({ runDir }: RunningPdserve, name: string) {
  const { workers }: RunFile = JSON.parse(readFileSync(join(runDir, "run.json"), "utf8"));
  const worker = workers.find((one) => one.name === name);
  if (worker === undefined) throw new Error(`${name} is not in run.json`);
  return worker;
}

function ask({ url }: RunningPdserve): Promise<Response> {
  return fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "demo-model", prompt: "one two three", max_tokens: 4 }),
  });
}

/** Events of a worker's state from the `from`th event on. */
const became = (run: RunningPdserve, name: string, state: string, from: number) =>
  run.waitFor((event) =>
    event.type === "worker" && event["name"] === name && event["state"] === state && run.events.indexOf(event) >= from
  );

test(
  "a killed decode worker restarts, is proven again and serves; meanwhile clients get 503 with Retry-After",
  async () => {
    const run = await startDemo();
    expect((await ask(run)).status).toBe(200);
    const from = run.events.length;
    process.kill(workerOf(run, "decode-0").pid, "SIGKILL");
    await became(run, "decode-0", "backoff", from);
    const refused = await ask(run);
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await refused.text()).toContain("No decode worker is ready");

    await became(run, "decode-0", "ready", from);
    const proof = run.events.slice(from).find(({ type }) => type === "proof");
    expect(proof).toMatchObject({ is: "proven", prefill: "prefill-0", decode: "decode-0" });
    expect(workerOf(run, "decode-0").generation).toBe(2);
    expect((await ask(run)).status).toBe(200);
    expect(await run.stop()).toBe(0);
    expect(processesOf(run.runId)).toEqual([]);
  },
  60_000,
);

test("while no prefill worker is there, --fallback decode-alone serves and says so", async () => {
  const run = await startDemo("--fallback", "decode-alone");
  const from = run.events.length;
  process.kill(workerOf(run, "prefill-0").pid, "SIGKILL");
  await became(run, "prefill-0", "backoff", from);
  const answer = await ask(run);
  expect(answer.status).toBe(200);
  expect(answer.headers.get("x-pdserve-handoff")).toStartWith("fallback; reason=");
  await became(run, "prefill-0", "ready", from);
  expect((await ask(run)).headers.get("x-pdserve-handoff")).not.toContain("fallback");
  expect(await run.stop()).toBe(0);
}, 60_000);

test("--fail-fast ends the run at the first failure, with exit code 1 and nothing left", async () => {
  const run = await startDemo("--fail-fast");
  process.kill(workerOf(run, "prefill-0").pid, "SIGKILL");
  expect(await run.exited).toBe(1);
  expect(processesOf(run.runId)).toEqual([]);
}, 60_000);

test("an engine that gives no token while /health stays 200 is found, restarted and proven again", async () => {
  const run = await startDemo("--hang-timeout", "600ms");
  const { port } = workerOf(run, "decode-0");
  const from = run.events.length;
  const answer = await fetch(`http://127.0.0.1:${port}/sim/faults`, {
    method: "POST",
    body: JSON.stringify({ hang: true }),
  });
  expect(answer.status).toBe(200);
  const asked = ask(run);
  const failed = await run.waitFor((event) => event.type === "failed" && run.events.indexOf(event) >= from);
  expect(failed).toMatchObject({ worker: "decode-0", diagnosis: { what: "decode-0 runs but hangs" } });
  expect(JSON.stringify(failed)).toContain("--hang-timeout");
  // Nothing of it had reached the client, so it may have been answered by the next process.
  expect([200, 502, 503]).toContain((await asked).status);
  await became(run, "decode-0", "ready", from);
  expect((await ask(run)).status).toBe(200);
  expect(await run.stop()).toBe(0);
}, 60_000);

test("a stopped worker (SIGSTOP) is found although it has no requests, and its process is gone", async () => {
  const run = await startDemo("--hang-timeout", "600ms");
  const { pid } = workerOf(run, "prefill-0");
  const from = run.events.length;
  process.kill(pid, "SIGSTOP");
  const failed = await run.waitFor((event) => event.type === "failed" && run.events.indexOf(event) >= from);
  expect(JSON.stringify(failed)).toContain("neither its probe nor");
  await became(run, "prefill-0", "ready", from);
  expect(processesOf(run.runId)).not.toContain(pid);
  expect(await run.stop()).toBe(0);
}, 60_000);

test("a slow request is no hang: counters move while others are served", async () => {
  const run = await startDemo("--hang-timeout", "500ms", "--decode.sim-decode-ms-per-token", "60");
  const answer = await fetch(`${run.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "demo-model", prompt: "one two three", max_tokens: 30 }),
  });
  expect(answer.status).toBe(200);
  await answer.text();
  expect(run.events.some(({ type }) => type === "failed")).toBe(false);
  expect(await run.stop()).toBe(0);
}, 60_000);
