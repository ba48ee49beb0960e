// Prefill with TP 2 and decode with TP 1 on real engines: decode reads the shards of both prefill ranks.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { counter } from "./read_engine.ts";
import { promptTokens, type RealPair, startRealPair } from "./real_pair.ts";
import { freshPrompt, post, withModel } from "./requests.ts";
import { testSameAsPlain } from "./same_as_plain.ts";

let pair: RealPair;

beforeAll(async () => {
  pair = await startRealPair(["--enforce-eager", "--prefill-tp", "2", "--decode-tp", "1"]);
}, 480_000);

afterAll(async () => {
  await pair?.stop();
}, 60_000);

testSameAsPlain(() => pair);

test("decode computes nothing of a prompt, and reads it in two transfers, one for each shard", async () => {
  const read = async () => ({
    ...await promptTokens(pair.decode),
    transfers: await counter(pair.decode.url, "vllm:nixl_bytes_transferred_count"),
  });
  const before = await read();
  await post(pair.pdserve.url, "/v1/completions", withModel({ prompt: freshPrompt(40), max_tokens: 2 }));
  const after = await read();
  expect(after.transferred - before.transferred).toBeGreaterThan(0);
  expect(after.computed).toBe(before.computed);
  expect(after.transfers - before.transfers).toBe(2);
});

test("stopping leaves no process behind", async () => {
  expect(await pair.stop()).toEqual([]);
}, 60_000);
