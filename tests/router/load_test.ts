// What the supervisor goes by before it stops a worker.

import { expect, test } from "bun:test";
import { completion, makeFakeFleet, prefillBody, until } from "./fake_fleet.ts";

test("a request that is still at prefill needs its decode worker already", async () => {
  const fleet = makeFakeFleet();
  fleet.script("prefill-0", () => {});
  const answered = fleet.post("/v1/completions", completion());
  await until(() => fleet.callsTo("prefill-0").length === 1);
  expect(fleet.router.load("decode-0")).toEqual({ requests: 0, handoffs: 0, expected: 1 });
  expect(fleet.router.load("prefill-0")).toEqual({ requests: 1, handoffs: 1, expected: 0 });
  fleet.callsTo("prefill-0")[0]!.answer(200, prefillBody);
  expect((await answered).status).toBe(200);
  expect(fleet.router.load("decode-0")).toEqual({ requests: 0, handoffs: 0, expected: 0 });
  expect(fleet.router.load("nobody")).toEqual({ requests: 0, handoffs: 0, expected: 0 });
});
