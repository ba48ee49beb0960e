// The same pair with ExampleConnector: KV goes through files in a folder both workers see.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { promptTokens, type RealPair, startRealPair } from "./real_pair.ts";
import { freshPrompt, post, withModel } from "./requests.ts";
import { testSameAsPlain } from "./same_as_plain.ts";

let pair: RealPair;

beforeAll(async () => {
  pair = await startRealPair(["--enforce-eager", "--kv-connector", "ExampleConnector", "--block-size", "32"]);
}, 600_000);

afterAll(async () => {
  await pair?.stop();
}, 60_000);

testSameAsPlain(() => pair);

test("decode reads the whole blocks of a prompt and computes only the rest", async () => {
  const before = await promptTokens(pair.decode);
  await post(pair.pdserve.url, "/v1/completions", withModel({ prompt: freshPrompt(40), max_tokens: 2 }));
  const after = await promptTokens(pair.decode);
  expect(after.transferred - before.transferred).toBeGreaterThan(0);
  expect(after.computed - before.computed).toBeLessThanOrEqual(32);
});

test("stopping leaves no process behind", async () => {
  expect(await pair.stop()).toEqual([]);
}, 60_000);
