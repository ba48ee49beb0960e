// The same pair with NixlPushConnector: prefill writes into decode's blocks while both legs run.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { counter } from "./read_engine.ts";
import { promptTokens, type RealPair, startRealPair } from "./real_pair.ts";
import { cases, expectSame, freshPrompt, post, withModel } from "./requests.ts";

let pair: RealPair;

beforeAll(async () => {
  pair = await startRealPair(["--enforce-eager", "--kv-connector", "NixlPushConnector"]);
}, 600_000);

afterAll(async () => {
  await pair?.stop();
}, 60_000);

for (const each of cases) {
  test(`${each.name}: the answer is the plain engine's`, async () => {
    const body = withModel(each.body());
    const before = await promptTokens(pair.decode);
    const split = await post(pair.pdserve.url, each.path, body);
    const after = await promptTokens(pair.decode);
    const plain = await post(pair.plain, each.path, body);
    expect(split.status).toBe(200);
    expectSame(split, plain);
    if (each.whole) expect(split.headers.get("x-pdserve-handoff")).toStartWith("none; reason=");
    else expect(after.transferred - before.transferred).toBeGreaterThan(0);
  });
}

test("prefill, which writes, is the side that counts the bytes", async () => {
  const bytes = () => counter(pair.prefill.url, "vllm:nixl_bytes_transferred_sum");
  const before = await bytes();
  await post(pair.pdserve.url, "/v1/completions", withModel({ prompt: freshPrompt(40), max_tokens: 2 }));
  expect(await bytes()).toBeGreaterThan(before);
});

test("when prefill refuses, decode's connection is closed and nothing waits for ever", async () => {
  const body = withModel({ prompt: freshPrompt(20), max_tokens: 4, temperature: -1 });
  const answer = await post(pair.pdserve.url, "/v1/completions", body);
  expect(answer.status).toBe(400);
  const waiting = async () =>
    await counter(pair.decode.url, "vllm:num_requests_running") +
    await counter(pair.decode.url, "vllm:num_requests_waiting");
  while (await waiting() > 0) await Bun.sleep(100);
});

test("stopping leaves no process behind", async () => {
  expect(await pair.stop()).toEqual([]);
}, 60_000);
