// NIXL's way back: prefill reads the KV of a session's turn before from decode, right or wrong, as the real engine does.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { complete, engineState, metric, type Pair, type Params, prefill, startPair, textOf } from "./pair.ts";
import { post, TEST_LIMIT_MS, until } from "./start_sim.ts";

setDefaultTimeout(TEST_LIMIT_MS);

const extra = { bidirectional_kv_xfer: true, decoder_kv_blocks_ttl: 60, kv_recompute_threshold: 32 };
const ids = (count: number) => Array.from({ length: count }, (_, at) => 65 + at % 26);
let pair: Pair;

beforeAll(async () => {
  pair = await startPair({ kv_connector: "NixlConnector", kv_connector_extra_config: extra });
});
afterAll(() => pair.stop());

let serial = 0;

/** A turn of 70 tokens and 60 more: its ids as the next prompt begins with them, and decode's params. */
async function firstTurn(answer = 60): Promise<{ readonly next: number[]; readonly params: Params }> {
  const prompt = [48 + serial++, ...ids(69)];
  const turn = { prompt, max_tokens: answer, ignore_eos: true, return_token_ids: true };
  const handoff = await prefill(pair.P, prompt as unknown as string[]);
  const { choices, kv_transfer_params } = await complete(pair.D, { ...turn, kv_transfer_params: handoff });
  const { token_ids } = choices[0] as unknown as { token_ids: number[] };
  return { next: [...prompt, ...token_ids, ...ids(20)], params: kv_transfer_params ?? {} };
}

const pulled = () => metric(pair.P, "vllm:prompt_tokens_by_source_total", 'source="external_kv_transfer"');

/** What decode says after a prefill that is given these params. */
async function secondTurn(next: number[], params: Params): Promise<string> {
  const handoff = await prefill(pair.P, next as unknown as string[], { kv_transfer_params: params });
  return await textOf(pair.D, { prompt: next, kv_transfer_params: handoff });
}

/** What an engine says that computes all of it: with a salt of its own no cache serves it. */
function right(prompt: number[]): Promise<string> {
  return textOf(pair.D, { prompt, cache_salt: `salt ${serial++}` });
}

test("decode tells where the KV of its answer lies and keeps it; prefill reads it and decode lets go", async () => {
  const { next, params } = await firstTurn();
  expect(params).toMatchObject({ do_remote_prefill: false, do_remote_decode: true, remote_num_tokens: 129 });
  expect((params["remote_block_ids"] as number[][])[0]).toHaveLength(5);
  expect(Number(params["remote_blocks_expiry_time"])).toBeGreaterThan(0);
  const before = await pulled();
  const text = await secondTurn(next, params);
  // Of 129 tokens prefill has two blocks of its own.
  expect(await pulled() - before).toBe(129 - 64);
  expect(text).toBe(await right(next));
  await until(async () =>
    !JSON.stringify((await engineState(pair.D)).connector).includes(String(params["remote_request_id"]))
  );
});

test("tokens are not compared: a prompt that is not the turn's next gets the turn's KV, and another text", async () => {
  const { next, params } = await firstTurn();
  const changed = next.map((id, at) => at === 100 ? id + 1 : id);
  const wrong = await secondTurn(changed, params);
  expect(wrong).not.toBe(await right(changed));
});

test("below the threshold nothing is read, and decode lets go at once", async () => {
  const { next, params } = await firstTurn(20);
  const before = await pulled();
  await secondTurn(next, params);
  expect(await pulled()).toBe(before);
  await until(async () =>
    !JSON.stringify((await engineState(pair.D)).connector).includes(String(params["remote_request_id"]))
  );
});

test("a read that fails hangs prefill until its client leaves", async () => {
  const { next, params } = await firstTurn();
  const gone = { ...params, remote_port: 1, remote_engine_id: "nobody" };
  const client = new AbortController();
  const asking = fetch(`${pair.P.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "tiny", prompt: next, max_tokens: 1, kv_transfer_params: gone }),
    signal: client.signal,
  }).catch(() => null);
  await until(async () => await metric(pair.P, "vllm:nixl_num_failed_transfers_total") > 0);
  expect((await engineState(pair.P)).loading).toBe(1);
  client.abort();
  expect(await asking).toBeNull();
});

test("streams and plain requests keep nothing that anybody is told of", async () => {
  const plain = await complete(pair.D, { prompt: ids(70), max_tokens: 4 });
  expect(plain.kv_transfer_params).toBeNull();
  const handoff = await prefill(pair.P, [50, ...ids(69)] as unknown as string[]);
  const stream = await post(pair.D, "/v1/completions", {
    ...{ model: "tiny", prompt: [50, ...ids(69)], max_tokens: 4, stream: true, kv_transfer_params: handoff },
  });
  expect(await stream.text()).not.toContain("remote_");
});
