import { expect, test } from "bun:test";
import { type HandleFacts, makeLedger } from "../../kv/ledger.ts";

const zero = { done: 0, failed: 0, expired: 0, released: 0, leaked: 0 };
const facts: HandleFacts = {
  attemptId: "a1",
  connector: "NixlConnector",
  prefill: "prefill-0",
  decode: "decode-0",
  generation: 1,
  leaseMs: 30_000,
};

function ledgerAt(startMs: number, maxLive?: number) {
  const clock = { nowMs: startMs };
  return { clock, ledger: makeLedger(() => clock.nowMs, maxLive) };
}

test("ledger: a handle is spent once, then done", () => {
  const { ledger } = ledgerAt(0);
  const handle = ledger.open(facts);
  expect(ledger.counts()).toEqual({ opened: 1, spent: 0, ended: {} });
  expect(handle.spend()).toEqual({ is: "spent" });
  expect(ledger.counts()).toEqual({ opened: 0, spent: 1, ended: {} });
  handle.settle("done");
  expect(ledger.counts()).toEqual({ opened: 0, spent: 0, ended: { NixlConnector: { ...zero, done: 1 } } });
});

test("ledger: a handle that was sent to decode is never sent again, whatever came of it", () => {
  const { ledger } = ledgerAt(0);
  const handle = ledger.open(facts);
  handle.spend();
  expect(handle.spend()).toEqual({ is: "refused", reason: "made KV that decode has had already" });
  handle.settle("failed");
  expect(handle.spend()).toEqual({ is: "refused", reason: "made KV that decode could not use" });
  expect(ledger.counts().ended).toEqual({ NixlConnector: { ...zero, failed: 1 } });
});

test("ledger: the last fifth of a lease is not used, since it began before the reply came", () => {
  const { ledger, clock } = ledgerAt(1_000);
  const [early, late] = [ledger.open(facts), ledger.open({ ...facts, attemptId: "a2" })];
  clock.nowMs = 1_000 + 23_999;
  expect(early.spend().is).toBe("spent");
  clock.nowMs = 1_000 + 24_000;
  expect(late.spend()).toEqual({ is: "refused", reason: "made KV that its lease did not keep long enough" });
  expect(ledger.counts()).toEqual({ opened: 0, spent: 1, ended: { NixlConnector: { ...zero, expired: 1 } } });
});

test("ledger: a spent handle has no lease any more", () => {
  const { ledger, clock } = ledgerAt(0);
  const handle = ledger.open(facts);
  handle.spend();
  clock.nowMs = 3_600_000;
  expect(ledger.counts().spent).toBe(1);
  handle.settle("done");
  expect(ledger.counts().ended.NixlConnector).toEqual({ ...zero, done: 1 });
});

test("ledger: a handle without a lease never expires", () => {
  const { ledger, clock } = ledgerAt(0);
  const handle = ledger.open({ ...facts, leaseMs: null });
  clock.nowMs = Number.MAX_SAFE_INTEGER;
  expect(handle.spend().is).toBe("spent");
});

test("ledger: counts() finds expired handles without anybody touching them, each once", () => {
  const { ledger, clock } = ledgerAt(0);
  for (const attemptId of ["a1", "a2", "a3"]) ledger.open({ ...facts, attemptId });
  clock.nowMs = 60_000;
  expect(ledger.counts()).toEqual({ opened: 0, spent: 0, ended: { NixlConnector: { ...zero, expired: 3 } } });
  expect(ledger.counts().ended.NixlConnector?.expired).toBe(3);
  expect(ledger.waiting("prefill-0")).toBe(0);
});

test("ledger: KV of a prefill worker that has restarted is refused and gone", () => {
  const { ledger } = ledgerAt(0);
  const handle = ledger.open(facts);
  expect(handle.spend(2)).toEqual({
    is: "refused",
    reason: "has restarted since it made the KV",
  });
  expect(ledger.counts()).toEqual({ opened: 0, spent: 0, ended: { NixlConnector: { ...zero, released: 1 } } });
});

test.each(["released", "leaked", "failed"] as const)("ledger: a handle nobody spent can end as %s", (outcome) => {
  const { ledger } = ledgerAt(0);
  ledger.open(facts).settle(outcome);
  expect(ledger.counts().ended).toEqual({ NixlConnector: { ...zero, [outcome]: 1 } });
});

test("ledger: the first outcome counts", () => {
  const { ledger } = ledgerAt(0);
  const handle = ledger.open(facts);
  handle.settle("leaked");
  handle.settle("released");
  handle.settle("done");
  expect(ledger.counts().ended).toEqual({ NixlConnector: { ...zero, leaked: 1 } });
});

test("ledger: a handle that was never spent cannot be done", () => {
  const { ledger } = ledgerAt(0);
  expect(() => ledger.open(facts).settle("done")).toThrow("never spent");
});

test("ledger: waiting() counts a prefill worker's handles until decode takes them or they end", () => {
  const { ledger } = ledgerAt(0);
  const first = ledger.open(facts);
  const second = ledger.open({ ...facts, attemptId: "a2" });
  ledger.open({ ...facts, attemptId: "a3", prefill: "prefill-1" });
  expect([ledger.waiting("prefill-0"), ledger.waiting("prefill-1"), ledger.waiting("prefill-2")]).toEqual([2, 1, 0]);
  first.spend();
  second.settle("leaked");
  expect(ledger.waiting("prefill-0")).toBe(0);
});

test("ledger: opening a handle clears away those that expired", () => {
  const { ledger, clock } = ledgerAt(0);
  ledger.open(facts);
  clock.nowMs = 60_000;
  ledger.open({ ...facts, attemptId: "a2" });
  expect(ledger.waiting("prefill-0")).toBe(1);
});

test("ledger: more live handles than it may remember end as leaked, the longest spent first", () => {
  const { ledger } = ledgerAt(0, 2);
  const spent = ledger.open(facts);
  spent.spend();
  ledger.open({ ...facts, attemptId: "a2" });
  ledger.open({ ...facts, attemptId: "a3" });
  expect(ledger.counts()).toEqual({ opened: 2, spent: 0, ended: { NixlConnector: { ...zero, leaked: 1 } } });
  spent.settle("done");
  expect(ledger.counts().ended.NixlConnector).toEqual({ ...zero, leaked: 1 });
});

test("ledger: outcomes are counted for each connector", () => {
  const { ledger } = ledgerAt(0);
  ledger.open(facts).settle("released");
  ledger.open({ ...facts, connector: "ExampleConnector", leaseMs: null }).settle("failed");
  expect(ledger.counts().ended).toEqual({
    NixlConnector: { ...zero, released: 1 },
    ExampleConnector: { ...zero, failed: 1 },
  });
});
