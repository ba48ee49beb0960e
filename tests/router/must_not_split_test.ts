// R10: requests that a real engine answers wrongly when split go whole to one worker, and the header says why.

import { expect, test } from "bun:test";
import { p2pNccl } from "../../kv/p2p_nccl.ts";
import { completion, decodeBody, makeFakeFleet } from "./fake_fleet.ts";

const whole: readonly (readonly [reason: string, extra: Record<string, unknown>])[] = [
  ["several_prompts", { prompt: ["a", "b"] }],
  ["several_prompts", { prompt: [[1, 2], [3]] }],
  ["prompt", { prompt: null }],
  ["prompt", { prompt: 7 }],
  ["n", { n: 2 }],
  ["n", { n: "2" }],
  ["n", { n: 0 }],
  ["best_of", { best_of: 3 }],
  ["use_beam_search", { use_beam_search: true }],
  ["prompt_logprobs", { prompt_logprobs: 0 }],
  ["echo_logprobs", { echo: true, logprobs: 1 }],
  ["truncate_prompt_tokens", { truncate_prompt_tokens: -1 }],
  ["token_limit", { echo: true, max_tokens: 0 }],
  ["token_limit", { max_tokens: "many" }],
  ["prompt_embeds", { prompt_embeds: "AAAA" }],
];

for (const [reason, extra] of whole) {
  test(`R10: ${JSON.stringify(extra)} goes whole to decode`, async () => {
    const fleet = makeFakeFleet();
    const body = completion({ ...extra, kv_transfer_params: { do_remote_prefill: true } });
    const response = await fleet.post("/v1/completions", body);
    expect(await response.json()).toEqual(decodeBody);
    expect(response.headers.get("x-pdserve-handoff")).toBe(`none; reason=${reason}`);
    expect(response.headers.has("x-pdserve-prefill")).toBe(false);
    expect(fleet.calls.map((call) => call.worker)).toEqual(["decode-0"]);
    expect(fleet.calls[0]!.json).toEqual({ ...completion(extra) });
    expect(fleet.calls[0]!.retryStaleSocket).toBe(true);
  });
}

const split: readonly Record<string, unknown>[] = [
  { prompt: ["a"] },
  { prompt: [1, 2, 3] },
  { prompt: [[1, 2, 3]] },
  { n: 1, best_of: null },
  { echo: true },
  { logprobs: 2 },
  { max_tokens: null },
  { truncate_prompt_tokens: 5 },
];

for (const extra of split) {
  test(`${JSON.stringify(extra)} is split`, async () => {
    const fleet = makeFakeFleet();
    await fleet.post("/v1/completions", completion(extra));
    expect(fleet.calls.map((call) => call.worker)).toEqual(["prefill-0", "decode-0"]);
  });
}

test("a response that stands on an earlier one goes whole", async () => {
  const fleet = makeFakeFleet();
  const response = await fleet.post("/v1/responses", { model: "tiny", input: "x", previous_response_id: "resp_1" });
  expect(response.headers.get("x-pdserve-handoff")).toBe("none; reason=previous_response_id");
});

test("a connector whose workers serve nothing alone refuses it with the reason", async () => {
  const fleet = makeFakeFleet({ connector: p2pNccl });
  const response = await fleet.post("/v1/completions", completion({ n: 2 }));
  expect(response.status).toBe(400);
  expect(await fleet.errorOf(response)).toMatchObject({ src: "pdserve", param: "n" });
  expect(fleet.calls).toHaveLength(0);
});

test("a whole request is asked of another worker when the first one fails", async () => {
  const fleet = makeFakeFleet({ workers: ["prefill-0", "decode-0", "decode-1"] });
  fleet.script("decode-0", (call) => call.fail("refused"));
  const response = await fleet.post("/v1/completions", completion({ n: 2 }));
  expect(response.status).toBe(200);
  expect(response.headers.get("x-pdserve-decode")).toBe("decode-1");
});

test("regular workers serve all requests when there is no pair", async () => {
  const fleet = makeFakeFleet({ workers: ["regular-0"] });
  const response = await fleet.post("/v1/completions", completion());
  expect(response.status).toBe(200);
  expect(response.headers.get("x-pdserve-handoff")).toBe("none; reason=regular");
});
