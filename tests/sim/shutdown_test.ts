// SIGTERM with requests in flight: the two endings that a real vLLM has (golden transcripts, single/sigterm_*, stream_end_*).

import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { GOLDEN } from "./golden/transcript.ts";
import { engineState } from "./pair.ts";
import { post, spawnSim, startSim, TEST_LIMIT_MS, until } from "./start_sim.ts";

setDefaultTimeout(TEST_LIMIT_MS);

const PACED = ["--sim-decode-ms-per-token", "20"];
const LONG = { prompt: "Hello", max_tokens: 5000, temperature: 0, stream: true, ignore_eos: true };

test("clean: a stream ends as in single/stream_end_on_sigterm_abort.txt, and the exit code is 0", async () => {
  const sim = await startSim({ args: PACED });
  const stream = post(sim, "/v1/completions", LONG).then((answer) => answer.text());
  await until(async () => (await engineState(sim)).running === 1);
  sim.kill("SIGTERM");
  const own = (await stream).trimEnd().split("\n\n");
  const golden = readFileSync(join(GOLDEN, "single/stream_end_on_sigterm_abort.txt"), "utf8").trimEnd().split("\n\n");
  const shape = (frame: string) => frame.replaceAll(/cmpl-\w+|"created":\d+|vllm-0\.32\.0-\w+/g, "<…>");
  expect(own.slice(-2).map(shape)).toEqual(golden.slice(-2).map(shape));
  expect(await sim.exited).toBe(0);
  expect(sim.log()).toContain("[shutdown] EngineCore: aborting in-flight requests count=1");
});

test("clean: a request without stream ends with finish_reason abort", async () => {
  const sim = await startSim({ args: PACED });
  const answer = post(sim, "/v1/completions", { ...LONG, stream: false }).then((reply) => reply.json());
  await until(async () => (await engineState(sim)).running === 1);
  sim.kill("SIGTERM");
  expect(await answer).toMatchObject({ choices: [{ finish_reason: "abort" }] });
  expect(await sim.exited).toBe(0);
});

test("hung: the process stays until the client has left", async () => {
  const sim = await startSim({ args: [...PACED, "--sim-sigterm", "hung"] });
  const client = new AbortController();
  const stream = fetch(`${sim.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(LONG),
    signal: client.signal,
  }).then((answer) => answer.text()).catch(() => "left");
  await until(async () => (await engineState(sim)).running === 1);
  sim.kill("SIGTERM");
  await until(() => sim.log().includes("Waiting for connections to close."));
  client.abort();
  expect(await stream).toBe("left");
  expect(await sim.exited).toBe(0);
});

test("SIGTERM while starting ends the process at once", async () => {
  const sim = await spawnSim({ args: ["--sim-load-ms", "60000"] });
  await until(() => sim.log().includes("Loading safetensors"));
  sim.kill("SIGTERM");
  expect(await sim.exited).toBe(130);
});
