import { expect, test } from "bun:test";
import { makeLedger } from "../../../kv/ledger.ts";
import { makePace } from "../../../router/pace.ts";
import { leastInflight } from "../../../router/policies/least_inflight.ts";
import { prefixAffinity } from "../../../router/policies/prefix_affinity.ts";
import { makeSharedPrefixOwners } from "../../../router/procs/prefix_owners.ts";
import { settleRow } from "../../../router/procs/settle_row.ts";
import { makeRooms } from "../../../router/rooms.ts";
import { makeRetryBudget } from "../../../router/retry_budget.ts";
import { cellsFor, knownNumbers, numbersOf, workers } from "./numbers_in.ts";

const facts = { attemptId: "a", connector: "NixlConnector", prefill: "prefill-0", decode: "decode-0", generation: 1 };

test("a worker's load is that of all processes, and policies rank by it", () => {
  const { all: [one, two] } = numbersOf(2);
  const [here, there] = [one!, two!].map((numbers) =>
    workers.slice(1).map((name) => Object.assign(numbers.load(name), { name }))
  );
  there![0]!.legStarts(100, false);
  there![0]!.legStarts(50, true);
  here![0]!.takesOver();
  expect(here![0]).toMatchObject({
    inFlight: 2,
    outstandingTokens: 150,
    handedOver: 1,
    wholeStarted: 1,
    wholeRunning: 1,
  });
  const request = { sessionKey: null, bodyBytes: 10, prompt: new Uint8Array() };
  const ranked = leastInflight().rank(here!, request);
  expect(ranked[0]!.name).toBe("decode-1");
  there![0]!.legEnds(100, false);
  there![0]!.legEnds(50, true);
  expect(here![0]).toMatchObject({ inFlight: 0, outstandingTokens: 0, wholeStarted: 1, wholeRunning: 0 });
});

test("KV handles are counted over all ledgers, those whose lease ran out included", () => {
  const { all } = numbersOf(2);
  const clock = { nowMs: 0 };
  const [here, there] = all.map(({ handles }) => makeLedger(() => clock.nowMs, undefined, handles));
  const done = here!.open({ ...facts, leaseMs: null });
  done.spend();
  done.settle("done");
  there!.open({ ...facts, leaseMs: 1_000 });
  there!.open({ ...facts, leaseMs: null }).spend();
  const counts = { opened: 1, spent: 1, done: 1, failed: 0, expired: 0, released: 0, leaked: 0 };
  expect(all[0]!.handlesByState(here!)).toEqual(counts);
  clock.nowMs = 1_000;
  expect(all[1]!.handlesByState(there!)).toEqual({ ...counts, opened: 0, expired: 1 });
});

test("what a dead process held is settled: its handles have ended, and its places are free", () => {
  const { cells, all: [core, dead] } = numbersOf(2);
  const ledger = makeLedger(() => 0, undefined, dead!.handles);
  ledger.open({ ...facts, leaseMs: null });
  ledger.open({ ...facts, leaseMs: null }).spend();
  const limits = { inside: 1, waiting: 1 };
  const gates = [dead!.gate(limits), dead!.room("decode-1", limits), dead!.window("prefill-0", limits)];
  for (const gate of gates) gate.tryEnter();
  gates[0]!.queueUp();
  dead!.load("decode-1").legStarts(10, true);

  expect(settleRow(cells, 1, workers.length)).toEqual({ requests: 1 });
  expect(core!.handlesByState(makeLedger(() => 0))).toMatchObject({ opened: 0, spent: 0, failed: 1, leaked: 1 });
  expect(core!.load("decode-1")).toMatchObject({ inFlight: 0, outstandingTokens: 0, wholeStarted: 1, wholeRunning: 0 });
  expect(core!.gate(limits)).toMatchObject({ inside: 0, waiting: 0 });
  expect(core!.room("decode-1", limits).tryEnter()).toBe(true);
  expect(core!.window("prefill-0", limits).tryEnter()).toBe(true);
});

test("a settled row is one process's: the others' counts stay", () => {
  const { cells, all: [core, , other] } = numbersOf(3);
  core!.load("decode-0").legStarts(5, false);
  other!.load("decode-0").legStarts(7, false);
  settleRow(cells, 1, workers.length);
  expect(core!.load("decode-0")).toMatchObject({ inFlight: 2, outstandingTokens: 12 });
});

test("a prompt's beginning has the same worker in all processes", () => {
  const cells = cellsFor(2);
  const [here, there] = [0, 1].map((at) => {
    const owners = makeSharedPrefixOwners({ cells, part: { at, of: 2 } }, knownNumbers(), "decode");
    return prefixAffinity(Math.random, { firstTurn: at, owners });
  });
  const candidates = workers.map((name) => ({ name, inFlight: 0, outstandingTokens: 0 }));
  const asking = (text: string) => ({ sessionKey: null, bodyBytes: 0, prompt: new TextEncoder().encode(text) });
  for (let n = 0; n < 50; n++) {
    const text = `${n} ${"x".repeat(600)}`;
    const first = here!.rank(candidates, asking(text))[0]!.name;
    expect(there!.rank(candidates, asking(`${text} and what the next turn brings`))[0]!.name).toBe(first);
  }
});

test("prefill's and decode's prefixes are not mixed up", () => {
  const cells = cellsFor(1);
  const [prefill, decode] = (["prefill", "decode"] as const).map((side) =>
    makeSharedPrefixOwners({ cells, part: { at: 0, of: 1 } }, knownNumbers(), side)
  );
  for (const hash of [1, -1, 2 ** 31 - 1, -(2 ** 31)]) {
    prefill!.put(hash, "prefill-0");
    decode!.put(hash, "decode-1");
    expect([prefill!.get(hash), decode!.get(hash)]).toEqual(["prefill-0", "decode-1"]);
    expect(prefill!.get(hash ^ 1 << 20)).toBeUndefined();
  }
});

test("rooms of several processes never meet, wherever each begins", () => {
  const extremes = ["0".repeat(32), "f".repeat(32), "8".repeat(32)];
  const spans = [0, 1, 2, 3].flatMap((at) =>
    extremes.map((digits) => {
      const rooms = makeRooms(() => digits, { at, of: 4 });
      const taken = Array.from({ length: 3 }, () => rooms.take(1_000));
      return { at, from: Math.min(...taken), to: Math.max(...taken) + 1_000 };
    })
  );
  for (const one of spans) {
    expect(one.from).toBeGreaterThan(0);
    expect(one.to).toBeLessThanOrEqual(Number.MAX_SAFE_INTEGER);
    for (const other of spans) if (one.at < other.at) expect(one.to).toBeLessThanOrEqual(other.from);
  }
});

test("what may be tried again at once is dealt out among the processes", () => {
  const spendAll = (processes: number) => {
    const budget = makeRetryBudget(0.2, processes);
    let spent = 0;
    while (budget.spend()) spent++;
    return spent;
  };
  expect([spendAll(1), 2 * spendAll(2), 4 * spendAll(4)]).toEqual([100, 100, 100]);
});

test("the pace by which a wait is judged is that of all processes", () => {
  const { all: [one, two] } = numbersOf(2);
  const clock = { nowMs: 0 };
  const [here, there] = [makePace(() => clock.nowMs, one!.served), makePace(() => clock.nowMs, two!.served)];
  for (let n = 0; n < 99; n++) there.served();
  clock.nowMs = 10_000;
  here.served();
  expect(here.waitMs(10)).toBe(1_000);
});

test("what an administrator asked for in one process explains an abort in another", () => {
  const clock = { nowMs: 1_000 };
  const { all: [core, other] } = numbersOf(2, () => clock.nowMs);
  expect(other!.aborts!.isAskedSince(0)).toBe(false);
  core!.aborts!.note();
  expect([900, 1_000, 1_020].map((acceptedMs) => other!.aborts!.isAskedSince(acceptedMs))).toEqual([true, true, false]);
});
