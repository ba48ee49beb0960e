import { expect, test } from "bun:test";
import { powerOfTwo } from "../../../router/policies/power_of_two.ts";

const request = { sessionKey: null, bodyBytes: 0, prompt: new Uint8Array() };
const workers = [{ name: "a", inFlight: 9, outstandingTokens: 0 }, { name: "b", inFlight: 1, outstandingTokens: 0 }, {
  name: "c",
  inFlight: 0,
  outstandingTokens: 0,
}];

function firstOf(...draws: number[]): string | undefined {
  return powerOfTwo(() => draws.shift() ?? 0).rank(workers, request)[0]?.name;
}

test("power_of_two takes the less loaded of the two it drew, even when a third is idle", () => {
  expect(firstOf(0, 0)).toBe("b");
  expect(firstOf(0.4, 0.9)).toBe("b");
});

test("power_of_two can draw every pair", () => {
  expect(firstOf(0, 0.9)).toBe("c");
  expect(firstOf(0.4, 0)).toBe("c");
});
