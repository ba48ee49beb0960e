import { expect, test } from "bun:test";
import { leastInflight } from "../../../router/policies/least_inflight.ts";

const request = { sessionKey: null, bodyBytes: 0, prompt: new Uint8Array() };

test("least_inflight ranks by requests in flight", () => {
  const loads = [5, 0, 3, 3, 1, 8, 2];
  const policy = leastInflight();
  for (let i = 0; i < loads.length; i++) {
    const ranked = policy.rank(
      loads.map((inFlight, at) => ({ name: `w${at}`, inFlight, outstandingTokens: 0 })),
      request,
    );
    expect(ranked.map(({ inFlight }) => inFlight)).toEqual([0, 1, 2, 3, 3, 5, 8]);
  }
});

test("least_inflight lets equally loaded workers take turns", () => {
  const policy = leastInflight();
  const workers = [{ name: "a", inFlight: 2, outstandingTokens: 0 }, { name: "b", inFlight: 2, outstandingTokens: 0 }, {
    name: "busy",
    inFlight: 9,
    outstandingTokens: 0,
  }];
  const first = Array.from({ length: 6 }, () => policy.rank(workers, request)[0]?.name);
  expect(new Set(first)).toEqual(new Set(["a", "b"]));
  expect(policy.rank(workers, request)[2]?.name).toBe("busy");
});
