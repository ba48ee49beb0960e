import { expect, test } from "bun:test";
import { makeWorkerHealth } from "../../router/worker_health.ts";

test("one failure is forgiven, two in a row are not", () => {
  const health = makeWorkerHealth(() => 0);
  health.blame("decode-0", "failing");
  expect(health.avoids("decode-0")).toBe(false);
  health.praise("prefill-0", "decode-0");
  health.blame("decode-0", "failing");
  expect(health.avoids("decode-0")).toBe(false);
  health.blame("decode-0", "failing");
  expect(health.avoids("decode-0")).toBe(true);
  expect(health.avoided()).toEqual(["decode-0"]);
});

test("after the pause one try decides: a success clears, a failure pauses again at once", () => {
  let nowMs = 0;
  const health = makeWorkerHealth(() => nowMs);
  for (let i = 0; i < 2; i++) health.blame("decode-0", "failing");
  nowMs = 5_000;
  expect(health.avoids("decode-0")).toBe(false);
  health.blame("decode-0", "failing");
  expect(health.avoids("decode-0")).toBe(true);
  nowMs = 10_000;
  health.praise(null, "decode-0");
  health.blame("decode-0", "failing");
  expect(health.avoids("decode-0")).toBe(false);
});

test("a pair is avoided without its workers", () => {
  const health = makeWorkerHealth(() => 0);
  for (let i = 0; i < 2; i++) health.blamePair("prefill-0", "decode-0");
  expect(health.avoidsPair("prefill-0", "decode-0")).toBe(true);
  expect(health.avoidsPair("prefill-0", "decode-1")).toBe(false);
  expect(health.avoids("decode-0")).toBe(false);
  health.praise("prefill-0", "decode-0");
  expect(health.avoidsPair("prefill-0", "decode-0")).toBe(false);
});

test("after the pause one request is the trial, and nobody else is sent there until it is decided", () => {
  let nowMs = 0;
  const health = makeWorkerHealth(() => nowMs);
  for (let i = 0; i < 2; i++) health.blame("decode-0", "failing");
  nowMs = 5_000;
  expect(health.avoids("decode-0")).toBe(false);
  health.chosen("prefill-0", "decode-0");
  expect(health.avoids("decode-0")).toBe(true);
  health.praise("prefill-0", "decode-0");
  expect(health.avoids("decode-0")).toBe(false);
});

test("an answered probe ends the quarantine of a worker that could not be reached, not of one that answers wrongly", () => {
  const health = makeWorkerHealth(() => 0);
  for (let i = 0; i < 2; i++) health.blame("prefill-0", "gone");
  for (let i = 0; i < 2; i++) health.blame("decode-0", "failing");
  health.probed("prefill-0");
  health.probed("decode-0");
  expect(health.avoided()).toEqual(["decode-0"]);
});

test("a worker without progress is out at once", () => {
  const health = makeWorkerHealth(() => 0);
  health.expel("decode-0");
  expect(health.avoids("decode-0")).toBe(true);
});
