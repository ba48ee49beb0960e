// Connectors whose legs run at once: each engine waits for ever for a missing half, so the router must not.

import { expect, test } from "bun:test";
import { mooncake } from "../../kv/mooncake.ts";
import { nixlPush } from "../../kv/nixl_push.ts";
import {
  completion,
  decodeBody,
  events,
  eventStream,
  type FakeFleet,
  makeFakeFleet,
  prefillBody,
  until,
} from "./fake_fleet.ts";

const silent = () => {};
const push = { connector: nixlPush };

for (const connector of [nixlPush, mooncake]) {
  test(`${connector.name}: both legs are sent before either has answered, under one id`, async () => {
    const fleet = makeFakeFleet({ connector });
    fleet.script("prefill-0", silent);
    fleet.script("decode-0", silent);
    const answering = fleet.post("/v1/completions", completion());
    await until(() => fleet.calls.length === 2);
    const [prefill, decode] = [fleet.callsTo("prefill-0")[0]!, fleet.callsTo("decode-0")[0]!];
    expect(prefill.json.max_tokens).toBe(1);
    expect(decode.json.max_tokens).toBe(3);
    expect(prefill.headers["x-request-id"]).toBe(decode.headers["x-request-id"]!);
    expect([prefill.retryStaleSocket, decode.retryStaleSocket]).toEqual([false, false]);
    prefill.answer(200, { ...prefillBody, kv_transfer_params: null });
    decode.answer(200, decodeBody);
    expect(await (await answering).json()).toEqual(decodeBody);
  });
}

test("decode may answer before prefill has, and is served then", async () => {
  const fleet = makeFakeFleet(push);
  fleet.script("prefill-0", silent);
  const response = await fleet.post("/v1/completions", completion());
  expect(await response.json()).toEqual(decodeBody);
});

for (
  const [what, fail] of [
    ["refuses", (fleet: FakeFleet) => fleet.callsTo("prefill-0")[0]!.fail("refused")],
    ["answers 500", (fleet: FakeFleet) => fleet.callsTo("prefill-0")[0]!.answer(500, { error: {} })],
    ["dies", (fleet: FakeFleet) => fleet.callsTo("prefill-0")[0]!.fail("reset")],
  ] as const
) {
  test(`R12: when prefill ${what}, decode is let go at once and both legs run again under another id`, async () => {
    const fleet = makeFakeFleet({ ...push, workers: ["prefill-0", "prefill-1", "decode-0", "decode-1"] });
    fleet.script("prefill-0", silent);
    fleet.script("decode-0", silent);
    const answering = fleet.post("/v1/completions", completion());
    await until(() => fleet.calls.length === 2);
    fail(fleet);
    const response = await answering;
    expect(fleet.callsTo("decode-0")[0]!.aborted).toBe(true);
    expect(response.status).toBe(200);
    expect(response.headers.get("x-pdserve-prefill")).toBe("prefill-1");
    expect(new Set(fleet.calls.map((call) => call.headers["x-request-id"])).size).toBe(2);
  });
}

test("R12: prefill's 4xx is the client's, and decode is let go at once", async () => {
  const fleet = makeFakeFleet(push);
  fleet.script("prefill-0", (call) => call.answer(400, { error: { message: "no" } }));
  fleet.script("decode-0", silent);
  const response = await fleet.post("/v1/completions", completion());
  expect(response.status).toBe(400);
  expect(fleet.callsTo("decode-0")[0]!.aborted).toBe(true);
  expect(fleet.metric('pdserve_kv_handles{state="failed"}')).toBe(1);
});

for (
  const [what, status, fail] of [
    ["answers 400", 400, (fleet: FakeFleet) => fleet.callsTo("decode-0")[0]!.answer(400, { error: { message: "no" } })],
    ["dies", 502, (fleet: FakeFleet) => fleet.callsTo("decode-0").at(-1)!.fail("reset")],
  ] as const
) {
  test(`R12: when decode ${what}, prefill is let go at once`, async () => {
    const fleet = makeFakeFleet(push);
    fleet.script("prefill-0", silent);
    fleet.script("decode-0", () => fail(fleet));
    const response = await fleet.post("/v1/completions", completion());
    expect(response.status).toBe(status);
    for (const call of fleet.callsTo("prefill-0")) expect(call.aborted).toBe(true);
  });
}

test("R12: when decode dies, prefill is let go before the next attempt begins", async () => {
  const fleet = makeFakeFleet(push);
  const aborted: boolean[] = [];
  fleet.script("prefill-0", silent);
  fleet.script("decode-0", (call) => {
    aborted.push(...fleet.callsTo("prefill-0").map((prefill) => prefill.aborted));
    call.fail("reset");
  });
  await fleet.post("/v1/completions", completion());
  expect(aborted).toEqual([false, true, false]);
});

test("R12: when decode streams, a late failure of prefill changes nothing", async () => {
  const fleet = makeFakeFleet(push);
  fleet.script("prefill-0", silent);
  fleet.script("decode-0", (call) => {
    call.head(200, eventStream);
    call.data(events.first);
  });
  const response = await fleet.post("/v1/completions", completion({ stream: true }));
  const reading = response.text();
  fleet.callsTo("prefill-0")[0]!.fail("reset");
  await fleet.callsTo("decode-0")[0]!.data(events.second + events.done);
  fleet.callsTo("decode-0")[0]!.end();
  expect(await reading).toBe(events.first + events.second + events.done);
});

test("R3: a client that leaves ends both legs at once", async () => {
  const fleet = makeFakeFleet(push);
  fleet.script("prefill-0", silent);
  fleet.script("decode-0", silent);
  const client = new AbortController();
  void fleet.post("/v1/completions", completion(), { signal: client.signal });
  await until(() => fleet.calls.length === 2);
  client.abort();
  expect(fleet.calls.map((call) => call.aborted)).toEqual([true, true]);
});
