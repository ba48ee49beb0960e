// R3: a client that goes away, in each phase: both legs end at once and all that was held is given back.

import { expect, test } from "bun:test";
import {
  completion,
  decodeBody,
  events,
  eventStream,
  type FakeFleet,
  makeFakeFleet,
  prefillBody,
  replyParams,
  until,
} from "./fake_fleet.ts";

const silent = () => {};

interface Phase {
  readonly name: string;
  readonly prepare: (fleet: FakeFleet) => void;
  /** True once the request is in the phase. */
  readonly reached: (fleet: FakeFleet) => boolean;
}

const phases: readonly Phase[] = [
  {
    name: "while prefill works",
    prepare: (fleet) => fleet.script("prefill-0", silent),
    reached: (fleet) => fleet.callsTo("prefill-0").length === 1,
  },
  {
    name: "before decode's status line",
    prepare: (fleet) => fleet.script("decode-0", silent),
    reached: (fleet) => fleet.callsTo("decode-0").length === 1,
  },
  {
    name: "between decode's status line and its first byte",
    prepare: (fleet) => fleet.script("decode-0", (call) => call.head(200, eventStream)),
    reached: (fleet) => fleet.callsTo("decode-0").length === 1,
  },
];

for (const phase of phases) {
  test(`R3: a client that leaves ${phase.name} ends what runs and leaves nothing behind`, async () => {
    const fleet = makeFakeFleet();
    phase.prepare(fleet);
    const client = new AbortController();
    const answering = fleet.post("/v1/completions", completion({ stream: true }), { signal: client.signal });
    await until(() => phase.reached(fleet));
    client.abort();
    expect(fleet.calls.at(-1)!.aborted).toBe(true);
    expect((await answering).status).toBe(499);
    expectNothingHeld(fleet);
    expect(fleet.metric('pdserve_requests_total{path="/v1/completions",code="499",end="client-left"}')).toBe(1);
  });
}

test("R3: a client that leaves inside the stream ends decode", async () => {
  const fleet = makeFakeFleet();
  fleet.script("decode-0", (call) => {
    call.head(200, eventStream);
    call.data(events.first);
  });
  const response = await fleet.post("/v1/completions", completion({ stream: true }));
  const reader = response.body!.getReader();
  await reader.read();
  expect(fleet.metric("pdserve_in_flight")).toBe(1);
  await reader.cancel();
  expect(fleet.callsTo("decode-0")[0]!.aborted).toBe(true);
  expectNothingHeld(fleet);
});

for (
  const [what, decodeStatus, handles, by] of [
    ["decode reads it for one token, so that prefill frees it", 200, "released", "one-token decode"],
    ["it stays until its lease ends where decode cannot read it", 500, "leaked", "lease"],
  ] as const
) {
  test(`R3: KV of a client that left as prefill answered: ${what}`, async () => {
    const fleet = makeFakeFleet();
    const client = new AbortController();
    fleet.script("prefill-0", (call) => {
      call.answer(200, prefillBody);
      client.abort();
    });
    fleet.script("decode-0", (call) => call.answer(decodeStatus, decodeBody));
    const response = await fleet.post("/v1/completions", completion({ stream: true }), { signal: client.signal });
    expect(response.status).toBe(499);
    await until(() => fleet.metric(`pdserve_kv_handles{state="${handles}"}`) === 1);
    expect(fleet.metric(`pdserve_kv_releases_total{by="${by}"}`)).toBe(1);
    expect(fleet.callsTo("decode-0").map(({ json }) => json)).toEqual([
      { model: "tiny", prompt: "Hello", stream: false, max_tokens: 1, kv_transfer_params: replyParams },
    ]);
    expectNothingHeld(fleet);
  });
}

test("R3: a client that leaves the queue is not admitted later", async () => {
  const fleet = makeFakeFleet({ settings: { maxInFlight: 1 } });
  fleet.script("prefill-0", silent);
  void fleet.post("/v1/completions", completion());
  await until(() => fleet.calls.length === 1);
  const client = new AbortController();
  const queued = fleet.post("/v1/completions", completion(), { signal: client.signal });
  await until(() => fleet.metric("pdserve_queued") === 1);
  client.abort();
  expect((await queued).status).toBe(499);
  expect(fleet.metric("pdserve_queued")).toBe(0);
  fleet.calls[0]!.answer(400, {});
  await until(() => fleet.metric("pdserve_in_flight") === 0);
  expect(fleet.calls).toHaveLength(1);
});

test("R3: a client that leaves in the moment its legs would start starts nothing", async () => {
  const client = new AbortController();
  // Asked for the attempt's nonce, right before its first leg.
  const fleet = makeFakeFleet({ onRandom: () => client.abort() });
  const init = { signal: client.signal, headers: { "x-request-id": "r1" } };
  const response = await fleet.post("/v1/completions", completion(), init);
  expect(response.status).toBe(499);
  expect(fleet.calls).toHaveLength(0);
  expectNothingHeld(fleet);
});

function expectNothingHeld(fleet: FakeFleet): void {
  expect(fleet.metric("pdserve_in_flight")).toBe(0);
  expect(fleet.metric('pdserve_kv_handles{state="opened"}')).toBe(0);
  expect(fleet.metric('pdserve_kv_handles{state="spent"}')).toBe(0);
  expect(fleet.metric('pdserve_worker_in_flight{worker="prefill-0",role="prefill"}')).toBe(0);
  expect(fleet.metric('pdserve_worker_in_flight{worker="decode-0",role="decode"}')).toBe(0);
  expect(fleet.metric('pdserve_worker_handoffs{worker="prefill-0",role="prefill"}')).toBe(0);
}
