// More requests than there is room for: who waits, who goes first, who is sent away.

import { expect, test } from "bun:test";
import { makePace } from "../../router/pace.ts";
import { type Call, completion, decodeBody, type FakeFleet, makeFakeFleet, prefillBody, until } from "./fake_fleet.ts";

/** Prefill keeps each request until it is let go. */
function slowFleet(settings: NonNullable<Parameters<typeof makeFakeFleet>[0]>["settings"]) {
  const fleet = makeFakeFleet({ settings });
  fleet.script("prefill-0", () => {});
  const post = (prompt: string, extra: Record<string, unknown> = {}) =>
    fleet.post("/v1/completions", completion({ prompt, ...extra }));
  return { fleet, post };
}

const promptsAt = (fleet: FakeFleet, worker: string) => fleet.callsTo(worker).map(({ json }) => json.prompt);
const queued = (fleet: FakeFleet, count: number) => until(() => fleet.metric("pdserve_queued") === count);

async function letGo(fleet: FakeFleet, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await until(() => fleet.callsTo("prefill-0").length > i);
    fleet.callsTo("prefill-0")[i]!.answer(200, prefillBody);
  }
}

test("the most urgent goes first, and sessions take turns", async () => {
  const { fleet, post } = slowFleet({ maxInFlight: 1 });
  const answers = [post("first")];
  await until(() => fleet.calls.length === 1);
  const waiting: readonly (readonly [string, Record<string, unknown>])[] = [
    ["a1", { user: "a" }],
    ["a2", { user: "a" }],
    ["b1", { user: "b" }],
    ["urgent", { user: "a", priority: -5 }],
    ["idle", { user: "c", priority: 9 }],
  ];
  for (const [i, [prompt, extra]] of waiting.entries()) {
    answers.push(post(prompt, extra));
    await queued(fleet, i + 1);
  }
  await letGo(fleet, 6);
  for (const response of await Promise.all(answers)) expect(response.status).toBe(200);
  expect(promptsAt(fleet, "prefill-0")).toEqual(["first", "urgent", "a1", "b1", "a2", "idle"]);
});

test("a full queue sends the newest of the greediest session away with 429 and Retry-After, not the newcomer", async () => {
  const { fleet, post } = slowFleet({ maxInFlight: 1, maxQueue: 3 });
  void post("first");
  await until(() => fleet.calls.length === 1);
  const greedy = ["a1", "a2", "a3"].map((prompt) => post(prompt, { user: "a" }));
  await queued(fleet, 3);
  void post("b1", { user: "b" });
  const sent = await greedy[2]!;
  expect([sent.status, sent.headers.get("retry-after")]).toEqual([429, "1"]);
  const again = await post("a4", { user: "a" });
  expect(again.status).toBe(429);
  expect(fleet.metric('pdserve_rejected_total{reason="pushed_out"}')).toBe(1);
  expect(fleet.metric('pdserve_rejected_total{reason="queue_full"}')).toBe(1);
});

test("who would wait longer than it may is told at once, with the time after which to come again", async () => {
  const { fleet, post } = slowFleet({ maxInFlight: 1, queueTimeoutMs: 3_000 });
  // One request a second, for long enough to be believed.
  for (let i = 0; i < 12; i++) {
    const answering = post(`served ${i}`);
    await letGo(fleet, i + 1);
    await answering;
    fleet.clock.nowMs += 1_000;
  }
  void post("in");
  await until(() => fleet.calls.length === 25);
  const waiting = ["1", "2", "3"].map((prompt) => post(prompt));
  await queued(fleet, 3);
  const shed = await post("4");
  expect([shed.status, shed.headers.get("retry-after")]).toEqual([429, "4"]);
  expect(fleet.metric('pdserve_rejected_total{reason="too_long_a_wait"}')).toBe(1);
  void Promise.all(waiting);
});

test("pace is not told from a handful of requests", () => {
  let nowMs = 0;
  const pace = makePace(() => nowMs);
  nowMs = 60_000;
  pace.served();
  expect(pace.waitMs(1_000)).toBe(0);
});

test("a worker answers as many as it may; the next wait for it before any prefill is asked", async () => {
  const fleet = makeFakeFleet({ settings: { maxWorkerInFlight: 1 } });
  fleet.script("decode-0", () => {});
  const [first, second] = [fleet.post("/v1/completions", completion()), fleet.post("/v1/completions", completion())];
  await until(() => fleet.metric('pdserve_worker_waiting{worker="decode-0",role="decode"}') === 1);
  expect(fleet.callsTo("prefill-0")).toHaveLength(1);
  const answer = (i: number) => (fleet.callsTo("decode-0")[i] as Call).answer(200, decodeBody);
  await until(() => fleet.callsTo("decode-0").length === 1);
  answer(0);
  await until(() => fleet.callsTo("decode-0").length === 2);
  answer(1);
  for (const response of [await first, await second]) expect(response.status).toBe(200);
});

test("a worker with room is preferred to one without", async () => {
  const fleet = makeFakeFleet({ workers: ["prefill-0", "decode-0", "decode-1"], settings: { maxWorkerInFlight: 1 } });
  fleet.script("decode-0", () => {});
  void fleet.post("/v1/completions", completion());
  await until(() => fleet.callsTo("decode-0").length === 1);
  for (let i = 0; i < 3; i++) {
    const response = await fleet.post("/v1/completions", completion());
    expect(response.headers.get("x-pdserve-decode")).toBe("decode-1");
  }
});
