import { expect, test } from "bun:test";
import { roundRobin } from "../../../router/policies/round_robin.ts";

const request = { sessionKey: null, bodyBytes: 0, prompt: new Uint8Array() };
const workers = ["a", "b", "c"].map((name) => ({ name, inFlight: 0, outstandingTokens: 0 }));

test("round_robin begins at the next worker for each request and keeps the order behind it", () => {
  const policy = roundRobin();
  const orders = Array.from({ length: 4 }, () => policy.rank(workers, request).map(({ name }) => name).join(""));
  expect(orders).toEqual(["abc", "bca", "cab", "abc"]);
});

test("round_robin does not care for load", () => {
  const policy = roundRobin();
  const loaded = workers.map((worker, i) => ({ ...worker, inFlight: 10 - i }));
  expect(policy.rank(loaded, request)[0]?.name).toBe("a");
});
