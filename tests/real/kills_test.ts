// A real vLLM 0.32 on the CPU whose processes are killed and frozen one by one, while nobody is there to help.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { childrenOf, type ProcessInfo, readProcess } from "../../supervisor/process_tree.ts";
import { freePort } from "../e2e/plain_engine.ts";
import { killRun, processesOf, type RunningPdserve, startPdserve } from "../e2e/run_pdserve.ts";
import { model, vllm } from "./real_pair.ts";

const hasVllm = vllm !== "";
const LIMIT_MS = 240_000;
const env = { PATH: `${dirname(vllm)}:${process.env["PATH"]}`, HF_HUB_OFFLINE: "1" };
let run: RunningPdserve;

beforeAll(async () => {
  if (!hasVllm) return;
  const port = String(await freePort());
  const pair = [model, "--device", "cpu", "--pd", "1P1D", "--port", port, "--hang-timeout", "20s"];
  run = await startPdserve(pair, { env });
}, LIMIT_MS);

afterAll(() => {
  if (hasVllm) killRun(run.runId);
});

interface Worker {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  readonly generation: number;
}

function workerOf(name: string): Worker {
  const { workers }: { workers: readonly Worker[] } = JSON.parse(readFileSync(join(run.runDir, "run.json"), "utf8"));
  const found = workers.find((worker) => worker.name === name);
  if (found === undefined) throw new Error(`${name} is not in run.json`);
  return found;
}

/** vLLM names its processes; the kernel keeps fifteen characters. */
function partOf({ pid }: Worker, name: "VLLM::EngineCor" | "VLLM::Worker"): ProcessInfo {
  const below = (parent: number): ProcessInfo[] => childrenOf(parent).flatMap((child) => [child, ...below(child.pid)]);
  const found = below(pid).find((process) => process.name.startsWith(name));
  if (found === undefined) {
    throw new Error(`${pid} has no ${name}, only ${below(pid).map((one) => one.name).join(", ")}`);
  }
  return found;
}

function ask(): Promise<Response> {
  return fetch(`${run.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      model,
      prompt: "The quick brown fox jumps over the lazy dog and",
      max_tokens: 4,
      temperature: 0,
    }),
  });
}

/** What pdserve told of the failure; resolves when the worker's next process is proven and serves. */
async function recovered(name: string, from: number) {
  const later = (fits: (event: (typeof run.events)[number]) => boolean) =>
    run.waitFor((event) => run.events.indexOf(event) >= from && fits(event));
  const failed = await later(({ type, worker }) => type === "failed" && worker === name);
  await later(({ type, name: who, state }) => type === "worker" && who === name && state === "ready");
  const proof = run.events.slice(from).find(({ type }) => type === "proof");
  expect(proof).toMatchObject({ is: "proven" });
  const answer = await ask();
  expect(answer.status).toBe(200);
  expect((await answer.json() as { choices: unknown[] }).choices.length).toBe(1);
  return failed;
}

test.skipIf(!hasVllm)("kill -9 of decode's EngineCore is noticed, diagnosed, and mended", async () => {
  const [before, from] = [workerOf("decode-0"), run.events.length];
  process.kill(partOf(before, "VLLM::EngineCor").pid, "SIGKILL");
  const failed = await recovered("decode-0", from);
  expect(JSON.stringify(failed["diagnosis"])).toMatch(/engine|EngineCore/i);
  expect(workerOf("decode-0").generation).toBe(before.generation + 1);
}, LIMIT_MS);

test.skipIf(!hasVllm)("kill -9 of prefill's worker child is noticed and mended", async () => {
  const [before, from] = [workerOf("prefill-0"), run.events.length];
  process.kill(partOf(before, "VLLM::Worker").pid, "SIGKILL");
  await recovered("prefill-0", from);
  expect(workerOf("prefill-0").generation).toBe(before.generation + 1);
}, LIMIT_MS);

test.skipIf(!hasVllm)(
  "kill -9 of the API server: what it leaves is gone before the next one starts, on ports that are free",
  async () => {
    const [before, from] = [workerOf("decode-0"), run.events.length];
    const engine = partOf(before, "VLLM::EngineCor");
    process.kill(before.pid, "SIGKILL");
    const thief = createServer();
    await run.waitFor((event) =>
      run.events.indexOf(event) >= from && event.type === "worker" && event["state"] === "backoff"
    );
    await new Promise<void>((listening) => thief.listen(before.port, "127.0.0.1", listening));
    await recovered("decode-0", from);
    expect(readProcess(engine.pid)?.startTicks).not.toBe(engine.startTicks);
    expect(workerOf("decode-0").port).not.toBe(before.port);
    thief.close();
  },
  LIMIT_MS,
);

test.skipIf(!hasVllm)(
  "SIGSTOP of prefill's EngineCore, which /health does not show, is found by missing tokens",
  async () => {
    const [before, from] = [workerOf("prefill-0"), run.events.length];
    process.kill(partOf(before, "VLLM::EngineCor").pid, "SIGSTOP");
    const asked = ask();
    expect((await fetch(`http://127.0.0.1:${before.port}/health`)).status).toBe(200);
    const failed = await recovered("prefill-0", from);
    expect(failed["diagnosis"]).toMatchObject({ what: "prefill-0 runs but hangs" });
    // It had got nothing yet, so it may have gone to the next process.
    expect([200, 502, 503, 504]).toContain((await asked).status);
  },
  LIMIT_MS,
);

test.skipIf(!hasVllm)("stopping leaves nothing", async () => {
  expect(await run.stop()).toBe(0);
  expect(processesOf(run.runId)).toEqual([]);
}, LIMIT_MS);

test.skipIf(!hasVllm)("a model that is not there ends the start with a diagnosis", async () => {
  const port = String(await freePort());
  const start = startPdserve(["nobody/no-such-model", "--device", "cpu", "--pd", "1P1D", "--port", port], { env });
  const told = await start.then(() => "it started", (error: Error) => error.message);
  expect(told).toContain("ended with 1");
  const failed = told.split("\n").find((line) => line.includes('"type":"failed"'));
  expect(failed).toContain("no-such-model");
  expect(failed).not.toContain('"rule":null');
}, LIMIT_MS);
