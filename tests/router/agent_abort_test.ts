// How an agent adapter names a request and takes it back.

import { expect, test } from "bun:test";
import { sglangNixl } from "../../kv/sglang.ts";
import { makeFakeFleet } from "./fake_fleet.ts";

test("V30: a rid stands on both legs of its request, and one abort by it reaches both workers", async () => {
  const fleet = makeFakeFleet({ connector: sglangNixl });
  for (const worker of ["prefill-0", "decode-0"]) {
    fleet.script(worker, (call) => call.answer(200, { text: "", meta_info: {} }));
  }
  const body = { text: "Hi", rid: "turn-1", sampling_params: { max_new_tokens: 4 } };
  await (await fleet.post("/generate", body, { headers: { "x-smg-routing-key": "sample-1" } })).text();
  expect(fleet.calls.map(({ worker, json }) => [worker, json.rid])).toEqual([["prefill-0", "turn-1"], [
    "decode-0",
    "turn-1",
  ]]);
  const abort = new Request("http://admin/abort_request", { method: "POST", body: JSON.stringify({ rid: "turn-1" }) });
  expect((await fleet.router.admin(abort)).status).toBe(200);
  expect(fleet.calls.slice(2).map(({ worker, path, json }) => [worker, path, json])).toEqual([
    ["prefill-0", "/abort_request", { rid: "turn-1" }],
    ["decode-0", "/abort_request", { rid: "turn-1" }],
  ]);
});
