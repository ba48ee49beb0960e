// What became of requests, for whoever asks.

import { expect, test } from "bun:test";
import { completion, type FakeFleet, makeFakeFleet, prefillBody, until } from "../fake_fleet.ts";
import { makeRequestRing, type RequestRecord } from "../../../router/request_ring.ts";
import { startTimeline } from "../../../router/timeline.ts";

const get = async (fleet: FakeFleet, path: string) => {
  const response = await fleet.router.admin(new Request(`http://admin${path}`));
  // deno-lint-ignore no-explicit-any
  return { status: response.status, body: await response.json() as any };
};

async function served(): Promise<FakeFleet> {
  const fleet = makeFakeFleet();
  fleet.script("prefill-0", (call) => {
    fleet.clock.nowMs += 30;
    call.answer(200, prefillBody);
  });
  await fleet.post("/v1/completions", completion(), { headers: { "x-request-id": "mine" } });
  return fleet;
}

test("a request that has ended is told with its phases", async () => {
  const { body } = await get(await served(), "/admin/requests/mine");
  expect(body).toMatchObject({
    ...{ schema: 1, id: "mine", path: "/v1/completions", status: 200, end: "complete", attempts: 1 },
    ...{ prefill: "prefill-0", decode: "decode-0", handoff: "NixlConnector", total_ms: 30 },
  });
  expect(body.phases).toEqual({ queue_ms: 0, prefill_ms: 30, handoff_ms: 0, first_token_ms: 0, stream_ms: 0 });
});

test("a request that runs is told with the phase it is in", async () => {
  const fleet = makeFakeFleet();
  fleet.script("decode-0", () => {});
  void fleet.post("/v1/completions", completion(), { headers: { "x-request-id": "running" } });
  await until(() => fleet.callsTo("decode-0").length === 1);
  fleet.clock.nowMs += 5;
  const { body } = await get(fleet, "/admin/requests");
  expect(body.requests[0]).toMatchObject({ id: "running", status: null, end: null, phase: "first token" });
  expect(body.requests[0].phases.first_token_ms).toBe(5);
});

test("the trace for Chrome has one complete event a phase, in microseconds", async () => {
  const { body } = await get(await served(), "/admin/requests?format=chrome");
  const prefill = body.traceEvents.find(({ name }: { name: string }) => name === "prefill");
  expect(prefill).toMatchObject({ ph: "X", dur: 30_000, pid: 1, tid: 1, args: { id: "mine", prefill: "prefill-0" } });
});

test("an id nobody remembers is 404", async () => {
  expect((await get(makeFakeFleet(), "/admin/requests/none")).status).toBe(404);
});

test("the ring keeps the last ones, the newest first", () => {
  const ring = makeRequestRing(3);
  const record = (id: string): RequestRecord => ({
    ...{ id, path: "/", status: 200, end: "complete", prefill: null, decode: null, handoff: "none", attempts: 1 },
    ...{ phase: "stream", times: startTimeline(0) },
  });
  expect(ring.all()).toEqual([]);
  for (const id of ["1", "2"]) ring.add(record(id));
  expect(ring.all().map(({ id }) => id)).toEqual(["2", "1"]);
  for (const id of ["3", "4", "5"]) ring.add(record(id));
  expect(ring.all().map(({ id }) => id)).toEqual(["5", "4", "3"]);
});
