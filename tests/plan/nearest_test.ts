import { expect, test } from "bun:test";
import { nearest } from "../../plan/nearest.ts";

const flags = ["--prefill-gpus", "--decode-gpus", "--port", "--host", "--pd"];

test.each([
  ["--prefil-gpus", "--prefill-gpus"],
  ["--prefill_gpus", "--prefill-gpus"],
  ["--PORT", "--port"],
  ["--prot", "--port"],
  ["decode-gpu", "--decode-gpus"],
])("nearest() takes %s for %s", (typed, meant) => {
  expect(nearest(typed, flags)).toBe(meant);
});

test("nearest() offers nothing for a word unlike all", () => {
  expect(nearest("--tensor-parallel-size", flags)).toBeNull();
  expect(nearest("x", [])).toBeNull();
});
