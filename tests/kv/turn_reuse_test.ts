// What prefill may read of a session's turn before.

import { expect, test } from "bun:test";
import { paramsForPrefill, readsBack, tokensHeld } from "../../kv/turn_reuse.ts";

/** Decode's answer of a real vLLM 0.32.0 with blocks of 32 tokens. */
const params = {
  do_remote_prefill: false,
  do_remote_decode: true,
  remote_block_ids: [[9, 10, 11, 12, 13, 14, 15, 16, 17]],
  remote_engine_id: "45ab3b2e",
  remote_request_id: "cmpl-be9606bf69d26192-0-a2f63040",
  remote_host: "127.0.0.1",
  remote_port: 5620,
  tp_size: 1,
  dcp_size: 1,
  pp_size: 1,
  remote_num_tokens: 257,
  remote_blocks_expiry_time: 5747.560722328,
  transfer_mode: "pull",
};

test("both sides are launched with it, and decode with the time it keeps blocks", () => {
  expect(readsBack(90_000)).toEqual({ bidirectional_kv_xfer: true, decoder_kv_blocks_ttl: 90 });
});

test("a prompt that begins with the whole turn gets decode's params as they are", () => {
  expect(paramsForPrefill(params, 257)).toBe(params);
  expect(tokensHeld(params)).toBe(257);
});

for (const [matching, blocks] of [[256, 8], [255, 7], [100, 3], [64, 2]] as const) {
  test(`a prompt that leaves the turn after ${matching} tokens gets the ${blocks} whole blocks before`, () => {
    expect(paramsForPrefill(params, matching)).toEqual({
      ...params,
      remote_block_ids: [params.remote_block_ids[0]!.slice(0, blocks)],
      remote_num_tokens: blocks * 32,
    });
  });
}

const nothing: readonly (readonly [why: string, given: Parameters<typeof paramsForPrefill>[0], matching: number])[] = [
  ["too little matches", params, 63],
  ["there are no params", null, 257],
  ["they are prefill's, for decode", { ...params, do_remote_prefill: true, do_remote_decode: false }, 257],
  ["the blocks stand in groups, as with sliding windows", { ...params, remote_block_ids: [[1], [2]] }, 257],
  ["there are no blocks", { ...params, remote_block_ids: [[]] }, 257],
  ["a member is missing", { ...params, remote_request_id: undefined as unknown as null }, 257],
  ["the count is none", { ...params, remote_num_tokens: "257" }, 257],
  // 2 blocks of 80, 96, 112 or 128 tokens each hold 150.
  ["the size of a block cannot be told", { ...params, remote_block_ids: [[1, 2]], remote_num_tokens: 150 }, 100],
];

for (const [why, given, matching] of nothing) {
  test(`nothing is read where ${why}`, () => {
    expect(paramsForPrefill(given, matching)).toBeNull();
  });
}
