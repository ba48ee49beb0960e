// SIGTERM to an engine from outside while it answers: vLLM, and the simulator like it, ends what runs with 200 and
// finish_reason "abort".

import { afterEach, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "./plain_engine.ts";
import { killRun, type RunningPdserve, startPdserve } from "./run_pdserve.ts";

let running: RunningPdserve | null = null;

afterEach(() => {
  if (running !== null) killRun(running.runId);
  running = null;
});

interface RunningWorker {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
}

function workersOf({ runDir }: RunningPdserve): readonly RunningWorker[] {
  return JSON.parse(readFileSync(join(runDir, "run.json"), "utf8")).workers;
}

async function runs({ port }: RunningWorker): Promise<boolean> {
  const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return Number(/^vllm:num_requests_running\{[^}]*\} (\S+)$/m.exec(page)?.[1] ?? 0) > 0;
}

/** The decode worker that is answering. */
async function busyDecode(run: RunningPdserve): Promise<RunningWorker> {
  const decodes = workersOf(run).filter(({ name }) => name.startsWith("decode"));
  for (;;) for (const worker of decodes) if (await runs(worker)) return worker;
}

async function start(pd: string): Promise<RunningPdserve> {
  const port = String(await freePort());
  running = await startPdserve([
    "demo-model",
    "--engine",
    "sim",
    "--pd",
    pd,
    "--port",
    port,
    "--sim-decode-ms-per-token",
    "20",
  ]);
  return running;
}

function ask({ url }: RunningPdserve, stream: boolean): Promise<Response> {
  const sampling = { max_tokens: 100, ignore_eos: true, temperature: 0, stream };
  return fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "demo-model", prompt: "one two three", ...sampling }),
  });
}

test("an answer that is not begun yet comes whole from another pair", async () => {
  const run = await start("1P2D");
  const answering = ask(run, false);
  const worker = await busyDecode(run);
  process.kill(worker.pid, "SIGTERM");
  const response = await answering;
  expect(response.status).toBe(200);
  expect(response.headers.get("x-pdserve-decode")).not.toBe(worker.name);
  const { choices, usage } = await response.json() as {
    readonly choices: readonly { readonly finish_reason: string }[];
    readonly usage: { readonly completion_tokens: number };
  };
  expect(choices[0]!.finish_reason).toBe("length");
  expect(usage.completion_tokens).toBe(100);
}, 30_000);

test("a stream that runs ends as its engine ends it, and is counted as cut", async () => {
  const run = await start("1P1D");
  const response = await ask(run, true);
  expect(response.status).toBe(200);
  process.kill((await busyDecode(run)).pid, "SIGTERM");
  expect(await response.text()).toContain('"finish_reason":"abort"');
  const metrics = await (await fetch(`${run.url}/metrics`)).text();
  expect(metrics).toContain('pdserve_requests_total{path="/v1/completions",code="200",end="cut"} 1\n');
}, 30_000);
