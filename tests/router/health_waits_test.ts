// GET /health for clients that know no other probe.

import { expect, test } from "bun:test";
import { makeFakeFleet } from "./fake_fleet.ts";

async function health(workers: readonly string[], healthWaits: boolean): Promise<number> {
  const fleet = makeFakeFleet({ workers, settings: { healthWaits } });
  return (await fleet.router.fetch(new Request("http://router/health"))).status;
}

test("P30: /health is 503 until a pair serves where it is told to wait, and 200 all the time where not", async () => {
  expect(await health(["prefill-0", "decode-0"], true)).toBe(200);
  expect(await health(["prefill-0"], true)).toBe(503);
  expect(await health(["prefill-0"], false)).toBe(200);
});
