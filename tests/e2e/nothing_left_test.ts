// However a run ends, no engine process is left: with engines that ignore SIGTERM and keep a child in a session of its own.

import { afterEach, expect, test } from "bun:test";
import { killRun, processesOf, type RunningPdserve, startPdserve, untilGone } from "./run_pdserve.ts";
import { freePort } from "./plain_engine.ts";

let running: RunningPdserve | null = null;

afterEach(() => {
  if (running !== null) killRun(running.runId);
  running = null;
});

const badManners = ["--", "--sim-ignore-sigterm", "--sim-orphan", "session"];

async function startUnruly(...more: string[]): Promise<RunningPdserve> {
  const port = String(await freePort());
  running = await startPdserve([
    "demo-model",
    "--engine",
    "sim",
    "--pd",
    "1P1D",
    "--port",
    port,
    ...more,
    ...badManners,
  ]);
  // init, core, two engines and the two children that have left their sessions.
  expect(processesOf(running.runId).length).toBeGreaterThanOrEqual(6);
  return running;
}

test("SIGTERM ends everything and the exit code is 0", async () => {
  const run = await startUnruly();
  run.signal("SIGTERM");
  expect(await run.exited).toBe(0);
  expect(processesOf(run.runId)).toEqual([]);
}, 60_000);

test("SIGKILL of the core: init ends everything", async () => {
  const run = await startUnruly();
  process.kill(run.corePid, "SIGKILL");
  expect(await run.exited).toBe(137);
  expect(processesOf(run.runId)).toEqual([]);
});

test("SIGKILL of init: the core ends everything, itself too", async () => {
  const run = await startUnruly();
  process.kill(run.initPid, "SIGKILL");
  await run.exited;
  await untilGone(run.runId);
});

test("Ctrl-C twice does not wait for a request in flight", async () => {
  const run = await startUnruly("--no-canary", "--drain-timeout", "10m", "--decode.sim-decode-ms-per-token", "60000");
  const request = fetch(`${run.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "demo-model", prompt: "never ends", max_tokens: 50 }),
  }).catch(() => null);
  await untilInFlight(run.url);
  run.signal("SIGINT");
  await run.waitFor((event) => event.type === "draining");
  run.signal("SIGINT");
  expect(await run.exited).toBe(130);
  await request;
  expect(processesOf(run.runId)).toEqual([]);
}, 60_000);

test("a start that fails ends the others", async () => {
  const port = String(await freePort());
  const start = startPdserve([
    "demo-model",
    "--engine",
    "sim",
    "--pd",
    "1P1D",
    "--port",
    port,
    "--decode.sim-fail-log",
    `${import.meta.dir}/../fixtures/vllm-startup/maxlen_over_kv.log`,
    ...badManners,
  ]);
  const failure = await start.then(() => "it started", (error: Error) => error.message);
  expect(failure).toContain("ended with 1");
  const failed = failure.split("\n").map(parsed).find((event) => event?.["type"] === "failed");
  expect(failed).toMatchObject({ worker: "decode-0" });
  expect(JSON.stringify(failed?.["diagnosis"])).toContain("--max-model-len 448");
}, 60_000);

async function untilInFlight(url: string): Promise<void> {
  for (;;) {
    const text = await (await fetch(`${url}/metrics`)).text();
    if (/^pdserve_in_flight(\{[^}]*\})? [1-9]/m.test(text)) return;
    await Bun.sleep(10);
  }
}

function parsed(line: string): Record<string, unknown> | null {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
