import { expect, test } from "bun:test";
import { untilNext } from "../../supervisor/until_next.ts";

test("untilNext() leads everybody who asks within a period to the same moment", () => {
  expect([1_000, 1_001, 1_099].map((nowMs) => nowMs + untilNext(100, nowMs))).toEqual([1_100, 1_100, 1_100]);
});

test("untilNext() always lies ahead", () => {
  expect(untilNext(100, 1_099.9)).toBe(1);
});
