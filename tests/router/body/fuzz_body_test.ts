import { expect, test } from "bun:test";
import { fuzzBody } from "../../fuzz/body.ts";

test("random and damaged bodies: members, values and edits are those of JSON.parse", () => {
  const seed = Date.now() % 2 ** 32;
  const { cases, accepted, refused } = fuzzBody(seed, 1);
  expect(cases).toBeGreaterThan(100);
  expect(accepted).toBeGreaterThan(0);
  expect(refused).toBeGreaterThan(0);
});
