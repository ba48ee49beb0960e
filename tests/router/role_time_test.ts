// What tells a user whether prefill or decode is short of workers.

import { expect, test } from "bun:test";
import { completion, makeFakeFleet } from "./fake_fleet.ts";

test("V3: the time requests spend in prefill and in decode is counted apart, each for the workers of its role", async () => {
  const fleet = makeFakeFleet();
  const times = () =>
    ["prefill", "first_token", "stream"].map((phase) => fleet.metric(`pdserve_phase_seconds_count{phase="${phase}"}`));
  expect(times()).toEqual([0, 0, 0]);
  await (await fleet.post("/v1/completions", completion())).text();
  expect(times()).toEqual([1, 1, 1]);
});
