// Prefill with two data parallel ranks on real engines: each request goes to a rank, and decode reads from that rank's port.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { counter } from "./read_engine.ts";
import { promptTokens, type RealPair, startRealPair } from "./real_pair.ts";
import { freshPrompt, post, withModel } from "./requests.ts";
import { testSameAsPlain } from "./same_as_plain.ts";

let pair: RealPair;

beforeAll(async () => {
  pair = await startRealPair(["--enforce-eager", "--prefill-args", "--data-parallel-size 2"]);
}, 480_000);

afterAll(async () => {
  await pair?.stop();
}, 60_000);

testSameAsPlain(() => pair);

test("requests reach both ranks, and decode computes nothing of their prompts", async () => {
  const promptsOf = (rank: number) => counter(pair.prefill.url, "vllm:prompt_tokens_total", `engine="${rank}"`);
  const ask = () => post(pair.pdserve.url, "/v1/completions", withModel({ prompt: freshPrompt(40), max_tokens: 2 }));
  const before = await promptTokens(pair.decode);
  const idle = [await promptsOf(0), await promptsOf(1)];
  // vLLM itself chooses the rank, by load; so ask several at once until both have had one.
  do {
    const answers = await Promise.all(Array.from({ length: 6 }, ask));
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(200));
  } while (await promptsOf(0) === idle[0] || await promptsOf(1) === idle[1]);
  const after = await promptTokens(pair.decode);
  expect(after.transferred).toBeGreaterThan(before.transferred);
  expect(after.computed).toBe(before.computed);
}, 120_000);

test("stopping leaves no process behind", async () => {
  expect(await pair.stop()).toEqual([]);
}, 60_000);
