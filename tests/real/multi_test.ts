// MultiConnector of NIXL and files on real engines: NIXL hands over, the files are written besides.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { counter } from "./read_engine.ts";
import { promptTokens, type RealPair, startRealPair } from "./real_pair.ts";
import { freshPrompt, post, withModel } from "./requests.ts";
import { testSameAsPlain } from "./same_as_plain.ts";

const list = JSON.stringify({ connectors: [{ kv_connector: "NixlConnector" }, { kv_connector: "ExampleConnector" }] });
let pair: RealPair;

beforeAll(async () => {
  pair = await startRealPair([
    "--enforce-eager",
    "--kv-connector",
    "MultiConnector",
    "--kv-extra-config",
    list,
    "--block-size",
    "32",
  ]);
}, 600_000);

afterAll(async () => {
  await pair?.stop();
}, 60_000);

testSameAsPlain(() => pair);

test("NIXL, the first of the list, moves the whole prompt", async () => {
  const read = async () => ({
    ...await promptTokens(pair.decode),
    bytes: await counter(pair.decode.url, "vllm:nixl_bytes_transferred_sum"),
  });
  const before = await read();
  await post(pair.pdserve.url, "/v1/completions", withModel({ prompt: freshPrompt(40), max_tokens: 2 }));
  const after = await read();
  expect(after.transferred - before.transferred).toBeGreaterThan(0);
  expect(after.bytes).toBeGreaterThan(before.bytes);
  expect(after.computed).toBe(before.computed);
});

test("stopping leaves no process behind", async () => {
  expect(await pair.stop()).toEqual([]);
}, 60_000);
