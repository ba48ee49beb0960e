import { expect, test } from "bun:test";
import { decideRestart, type RestartRule } from "../../supervisor/restart.ts";

const rule: RestartRule = {
  is: "backoff",
  firstMs: 100,
  maxMs: 1_000,
  giveUpAfter: 6,
  withinMs: 10_000,
  jitter: (delayMs) => delayMs + 1,
};

test("decideRestart() never restarts where the rule says so", () => {
  expect(decideRestart({ is: "never" }, [1], 1)).toEqual({ is: "never" });
});

test("decideRestart() doubles the delay up to the limit, and spreads it", () => {
  const delays = [1, 2, 3, 4, 5].map((failures) => {
    const decision = decideRestart(rule, Array.from({ length: failures }, () => 5_000), 5_000);
    return decision.is === "retry" ? decision.atMs - 5_000 : null;
  });
  expect(delays).toEqual([101, 201, 401, 801, 1_001]);
});

test("decideRestart() gives up after so many failures within the time", () => {
  expect(decideRestart(rule, [1, 2, 3, 4, 5, 6], 6)).toEqual({ is: "give-up" });
});

test("decideRestart() forgets failures that are long past", () => {
  expect(decideRestart(rule, [1, 2, 3, 4, 5, 50_000], 50_000)).toEqual({ is: "retry", attempt: 1, atMs: 50_101 });
});
