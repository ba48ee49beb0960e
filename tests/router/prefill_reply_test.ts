import { expect, test } from "bun:test";
import { readPrefillReply } from "../../router/prefill_reply.ts";

const read = (text: string) => readPrefillReply(new TextEncoder().encode(text));

test("params are kept as text, so that what JavaScript cannot hold survives", () => {
  const raw = '{"remote_block_ids":[[1]], "id":9007199254740993}';
  const found = read(`{"choices":[],"kv_transfer_params":${raw}}`);
  expect(found).toMatchObject({ is: "reply", reply: { raw: { rawJson: raw }, params: { remote_block_ids: [[1]] } } });
});

for (
  const absent of [
    '{"choices":[]}',
    '{"kv_transfer_params":null}',
    '{"kv_transfer_params":[1]}',
    '{"kv_transfer_params":"x"}',
  ]
) {
  test(`${absent} holds no params`, () => {
    expect(read(absent)).toEqual({ is: "reply", reply: { params: null, raw: null } });
  });
}

for (const reason of ["error", "abort"]) {
  test(`finish_reason ${reason} is no success`, () => {
    expect(read(`{"choices":[{"finish_reason": "${reason}"}],"kv_transfer_params":{}}`).is).toBe("unusable");
  });
}

test("generated text that speaks of finish reasons is only text", () => {
  const text = JSON.stringify({ choices: [{ text: '"finish_reason":"error"', finish_reason: "length" }] });
  expect(read(text).is).toBe("reply");
});
