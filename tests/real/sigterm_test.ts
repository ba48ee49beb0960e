// A real vLLM 0.32 decode worker that gets SIGTERM from outside while it answers. It either ends what runs with finish_reason
// "abort" and 200, or lets it hang until pdserve kills it: in neither case is the rest of an answer taken for all of it.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ProgressEvent } from "../e2e/run_pdserve.ts";
import { model, type RealPair, startRealPair } from "./real_pair.ts";
import { freshPrompt } from "./requests.ts";
import { counter } from "./read_engine.ts";

let pair: RealPair;

beforeAll(async () => {
  pair = await startRealPair(["--idle-timeout", "15s", "--stall-timeout", "15s"]);
}, 600_000);

afterAll(async () => {
  await pair?.stop();
}, 60_000);

function ask(stream: boolean): Promise<Response> {
  const sampling = { max_tokens: 900, ignore_eos: true, temperature: 0 };
  return fetch(`${pair.pdserve.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, prompt: freshPrompt(3), stream, ...sampling }),
  });
}

/** The decode process of now; `other` than one that has got its SIGTERM already. */
async function terminateBusyDecode(other: number | null = null): Promise<number> {
  const run = JSON.parse(readFileSync(join(pair.pdserve.runDir, "run.json"), "utf8"));
  const { pid, port } = run.workers.find(({ name }: { readonly name: string }) => name === "decode-0");
  expect(pid).not.toBe(other);
  while (await counter(`http://127.0.0.1:${port}`, "vllm:num_requests_running") === 0) await Bun.sleep(20);
  process.kill(pid, "SIGTERM");
  return pid;
}

let terminated = 0;

test("a stream ends with its engine's abort or with an error event, and counts as cut", async () => {
  const response = await ask(true);
  expect(response.status).toBe(200);
  terminated = await terminateBusyDecode();
  expect(await response.text()).toMatch(/"finish_reason":"abort"|data: \{"error"/);
  const metrics = await (await fetch(`${pair.pdserve.url}/metrics`)).text();
  expect(metrics).toContain('pdserve_requests_total{path="/v1/completions",code="200",end="cut"} 1\n');
}, 120_000);

test("an answer that is no stream is never a 200 that was broken off", async () => {
  const isBack = (event: ProgressEvent) => event.type === "proof" && pair.pdserve.events.indexOf(event) > proven;
  const proven = pair.pdserve.events.findIndex(({ type }) => type === "proof");
  await pair.pdserve.waitFor(isBack);
  while ((await fetch(`${pair.pdserve.url}/ready`)).status !== 200) await Bun.sleep(200);
  const answering = ask(false);
  await terminateBusyDecode(terminated);
  const response = await answering;
  const text = await response.text();
  expect(response.status).toBeGreaterThanOrEqual(500);
  expect(JSON.parse(text).error.message).toBeString();
}, 240_000);
