import { describe, expect, test } from "bun:test";
import { Leases } from "../../../sim/kv/leases.ts";

describe("Leases", () => {
  test("a lease ends at its time, and is told once", () => {
    const { leases, clock, ended } = setUp();
    leases.open({ requestId: "a", blockIds: [1], stem: "a" }, 100);
    clock.advance(99);
    expect(ended).toEqual([]);
    clock.advance(1);
    expect(ended).toEqual(["a"]);
    expect(leases.close("a")).toBeNull();
  });

  test("a heartbeat makes a lease longer, never shorter", () => {
    const { leases, clock, ended } = setUp();
    leases.open({ requestId: "a", blockIds: [1], stem: "a" }, 100);
    expect(leases.extend("a", 10)).toBe(true);
    clock.advance(90);
    leases.extend("a", 60);
    clock.advance(59);
    expect(ended).toEqual([]);
    clock.advance(1);
    expect(ended).toEqual(["a"]);
    expect(leases.extend("a", 10)).toBe(false);
  });

  test("a closed lease does not end later, the next one still does", () => {
    const { leases, clock, ended } = setUp();
    leases.open({ requestId: "a", blockIds: [1], stem: "a" }, 100);
    leases.open({ requestId: "b", blockIds: [2], stem: "b" }, 200);
    expect(leases.close("a")?.blockIds).toEqual([1]);
    clock.advance(200);
    expect(ended).toEqual(["b"]);
  });
});

function setUp() {
  const ended: string[] = [];
  const clock = manualClock();
  return { ended, clock, leases: new Leases(clock, ({ requestId }) => ended.push(requestId)) };
}

function manualClock() {
  let nowMs = 0;
  let timers: { readonly atMs: number; readonly call: () => void }[] = [];
  return {
    now: () => nowMs,
    after(delayMs: number, call: () => void) {
      const timer = { atMs: nowMs + delayMs, call };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    advance(ms: number) {
      nowMs += ms;
      for (const timer of timers.filter(({ atMs }) => atMs <= nowMs)) {
        timers = timers.filter((other) => other !== timer);
        timer.call();
      }
    },
  };
}
