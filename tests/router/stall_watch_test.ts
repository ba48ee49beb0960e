// Engines that hang answer /health and /metrics: only their counters tell.

import { expect, test } from "bun:test";
import { nixlPush } from "../../kv/nixl_push.ts";
import type { Call } from "./fake_fleet.ts";
import { completion, type FakeFleet, makeFakeFleet, until } from "./fake_fleet.ts";

const two = ["prefill-0", "prefill-1", "decode-0", "decode-1"];
/** The watch looks by itself too, each quarter of its limit: as short as this the tests need not wait. */
const never = 1e12;
const limits = { prefillTimeoutMs: never, firstTokenTimeoutMs: never, requestTimeoutMs: never, bodyTimeoutMs: never };
const settings = { stallTimeoutMs: 40, ...limits };

/** Answers metrics with what `counter` says, and requests not at all. */
function hung(counter: () => number) {
  return (call: Call) => {
    if (call.path === "/metrics") call.answer(200, `vllm:generation_tokens_total ${counter()}\n`);
  };
}

/** Time passes as fast as the watch looks. */
async function passTime(fleet: FakeFleet, done: () => boolean): Promise<void> {
  await until(() => {
    fleet.clock.nowMs += 1;
    return done();
  });
}

for (const name of ["prefill-0", "decode-0"]) {
  test(`a request that waits for a hung ${name} is served by another pair`, async () => {
    const fleet = makeFakeFleet({ workers: two, settings });
    fleet.script(name, hung(() => 7));
    const answering = fleet.post("/v1/completions", completion());
    let response: Response | null = null;
    void answering.then((got) => response = got);
    await passTime(fleet, () => response !== null);
    expect(response!.status).toBe(200);
    expect(fleet.metric(`pdserve_avoided{who="${name}"}`)).toBe(1);
    expect(fleet.metric(`pdserve_worker_stalls_total{worker="${name}"}`)).toBe(1);
    expect(fleet.log.join("\n")).toContain("makes no token");
  });
}

test("with no other pair the client is told 503 with Retry-After", async () => {
  const fleet = makeFakeFleet({ settings });
  fleet.script("prefill-0", hung(() => 7));
  let response: Response | null = null;
  void fleet.post("/v1/completions", completion()).then((got) => response = got);
  await passTime(fleet, () => response !== null);
  expect(response!.status).toBe(503);
  expect(response!.headers.get("retry-after")).toBe("5");
});

for (
  const [what, counter] of [
    ["whose counters move", (looks: number) => looks],
    ["that shows no counters", () => NaN],
  ] as const
) {
  test(`a slow worker ${what} is not taken for a hung one`, async () => {
    const fleet = makeFakeFleet({ workers: two, settings });
    let looks = 0;
    fleet.script("prefill-0", (call) => {
      if (call.path !== "/metrics") return;
      const value = counter(looks++);
      call.answer(200, Number.isNaN(value) ? "up 1\n" : `vllm:generation_tokens_total ${value}\n`);
    });
    const client = new AbortController();
    const answering = fleet.post("/v1/completions", completion(), { signal: client.signal });
    await passTime(fleet, () => looks >= 12);
    client.abort();
    expect((await answering).status).toBe(499);
    expect(fleet.metric('pdserve_avoided{who="prefill-0"}')).toBeNull();
  });
}

test("where both legs run at once, decode is not blamed for waiting on prefill", async () => {
  const fleet = makeFakeFleet({ connector: nixlPush, workers: two, settings });
  let looks = 0;
  fleet.script("prefill-0", (call) => {
    if (call.path === "/metrics") call.answer(200, `vllm:generation_tokens_total ${looks++}\n`);
  });
  fleet.script("decode-0", hung(() => 7));
  const client = new AbortController();
  const answering = fleet.post("/v1/completions", completion(), { signal: client.signal });
  await passTime(fleet, () => looks >= 12);
  client.abort();
  await answering;
  expect(fleet.metric('pdserve_worker_stalls_total{worker="decode-0"}')).toBeNull();
});
