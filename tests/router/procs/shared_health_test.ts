import { expect, test } from "bun:test";
import { makeWorkerHealth, type WorkerHealth } from "../../../router/worker_health.ts";
import { numbersOf, workers } from "./numbers_in.ts";

const limits = { failures: 2, pauseMs: 5_000 };

function healthOf(processes: number) {
  const clock = { nowMs: 0 };
  const { all } = numbersOf(processes, () => clock.nowMs);
  return { clock, healths: all.map((numbers) => numbers.health(limits)) };
}

test("failures seen in two processes add up, and the quarantine holds in all", () => {
  const { clock, healths: [one, two, three] } = healthOf(3);
  one!.blame("decode-0", "failing");
  expect(two!.avoids("decode-0")).toBe(false);
  two!.blame("decode-0", "failing");
  expect([one, two, three].map((health) => health!.avoids("decode-0"))).toEqual([true, true, true]);
  expect(three!.avoided()).toEqual(["decode-0"]);
  clock.nowMs = 5_000;
  expect(three!.avoids("decode-0")).toBe(false);
});

test("one process's trial is the only one until it is decided", () => {
  const { clock, healths: [one, two] } = healthOf(2);
  for (let i = 0; i < 2; i++) one!.blamePair("prefill-0", "decode-1");
  clock.nowMs = 5_000;
  expect(two!.avoidsPair("prefill-0", "decode-1")).toBe(false);
  one!.chosen("prefill-0", "decode-1");
  expect(two!.avoidsPair("prefill-0", "decode-1")).toBe(true);
  expect(two!.avoided()).toEqual(["prefill-0→decode-1"]);
  one!.praise("prefill-0", "decode-1");
  expect(two!.avoidsPair("prefill-0", "decode-1")).toBe(false);
});

test("an answered probe of one process brings a worker that could not be reached back for all", () => {
  const { healths: [one, two] } = healthOf(2);
  for (const worker of ["decode-0", "decode-1"]) {
    for (let i = 0; i < 2; i++) two!.blame(worker, worker === "decode-0" ? "gone" : "failing");
    one!.probed(worker);
  }
  expect(two!.avoided()).toEqual(["decode-1"]);
});

test("a worker that nobody knows by number is not avoided, and blaming it harms nobody", () => {
  const { healths: [one] } = healthOf(1);
  for (let i = 0; i < 3; i++) one!.blame("decode-9", "gone");
  one!.blamePair("prefill-9", "decode-9");
  expect([one!.avoids("decode-9"), one!.avoided()]).toEqual([false, []]);
});

/** Whole tens of milliseconds, which is as fine as shared pauses are. */
const steps = (random: () => number) => Math.floor(random() * 300) * 10;

test("whatever happens in whichever process, all judge as one process alone would", () => {
  let seed = 20_261_121;
  const random = () => (seed = Math.imul(seed, 1_664_525) + 1_013_904_223 >>> 0) / 2 ** 32;
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const { clock, healths } = healthOf(3);
  const alone = makeWorkerHealth(() => clock.nowMs, limits);
  const acts: readonly ((health: WorkerHealth, worker: string) => void)[] = [
    (health, worker) => health.blame(worker, "gone"),
    (health, worker) => health.blame(worker, "failing"),
    (health, worker) => health.blamePair("prefill-0", worker),
    (health, worker) => health.expel(worker),
    (health, worker) => health.praise("prefill-0", worker),
    (health, worker) => health.praise(null, worker),
    (health, worker) => health.probed(worker),
    (health, worker) => health.chosen("prefill-0", worker),
    (health, worker) => health.chosen(null, worker),
  ];
  for (let step = 0; step < 3_000; step++) {
    clock.nowMs += steps(random);
    const [act, worker] = [pick(acts), pick(workers)];
    act(alone, worker);
    act(pick(healths), worker);
    const asked = pick(healths);
    expect(asked.avoided().toSorted()).toEqual(alone.avoided().toSorted());
    for (const one of workers) {
      expect(asked.avoids(one)).toBe(alone.avoids(one));
      expect(asked.avoidsPair("prefill-0", one)).toBe(alone.avoidsPair("prefill-0", one));
    }
  }
});
