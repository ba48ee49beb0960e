import { expect, test } from "bun:test";
import { makeRandomIds } from "../../router/random_ids.ts";

test("makeRandomIds() gives 32 hex digits, never the same ones twice", () => {
  const random = makeRandomIds();
  const ids = Array.from({ length: 1_000 }, random);
  expect(ids.every((id) => /^[0-9a-f]{32}$/.test(id))).toBe(true);
  expect(new Set(ids).size).toBe(1_000);
});

test("makeRandomIds() uses every byte that was drawn once, and draws anew after the last", () => {
  let draws = 0;
  const random = makeRandomIds((bytes) => {
    draws++;
    for (let i = 0; i < bytes.length; i++) bytes[i] = (i >> 4) + draws;
  });
  const first = Array.from({ length: 256 }, random);
  expect([draws, first[0], first[255]]).toEqual([1, "01".repeat(16), "00".repeat(16)]);
  expect([random(), draws]).toEqual(["02".repeat(16), 2]);
});
