import { expect, test } from "bun:test";
import { nearestName } from "../../kv/nearest_name.ts";

const flags = ["--prefill-gpus", "--decode-gpus", "--port", "--host", "--pd"];

test.each([
  ["--prefil-gpus", "--prefill-gpus"],
  ["--prefill_gpus", "--prefill-gpus"],
  ["--PORT", "--port"],
  ["--prot", "--port"],
  ["decode-gpu", "--decode-gpus"],
])("nearestName() takes %s for %s", (typed, meant) => {
  expect(nearestName(typed, flags)).toBe(meant);
});

test("nearestName() offers nothing for a word unlike all", () => {
  expect(nearestName("--tensor-parallel-size", flags)).toBeNull();
  expect(nearestName("x", [])).toBeNull();
});
