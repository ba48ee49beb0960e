import { expect, test } from "bun:test";
import { type Claim, makeFairQueue } from "../../router/fair_queue.ts";

function queueOf(...items: readonly (readonly [string, Partial<Claim>?])[]) {
  const queue = makeFairQueue<string>();
  for (const [item, claim] of items) queue.add(item, { flow: "", priority: 0, ...claim });
  return queue;
}

function drain(queue: ReturnType<typeof queueOf>): string[] {
  return Array.from({ length: queue.size }, () => queue.next()!);
}

const of = (flow: string) => ({ flow });

test("within a session: first come, first served", () => {
  expect(drain(queueOf(["1"], ["2"], ["3"]))).toEqual(["1", "2", "3"]);
});

test("sessions take turns, whoever has queued more", () => {
  const queue = queueOf(["a1", of("a")], ["a2", of("a")], ["a3", of("a")], ["b1", of("b")], ["c1", of("c")], [
    "b2",
    of("b"),
  ]);
  expect(drain(queue)).toEqual(["a1", "b1", "c1", "a2", "b2", "a3"]);
});

test("the lower the priority number, the sooner; sessions take turns inside each", () => {
  const queue = queueOf(["late", { priority: 5 }], ["usual"], ["urgent", { priority: -1 }], ["usual 2"]);
  expect(drain(queue)).toEqual(["urgent", "usual", "usual 2", "late"]);
});

test("who is removed is not next, also when it was the last of its session", () => {
  const queue = queueOf(["a1", of("a")], ["b1", of("b")]);
  expect([queue.remove("a1"), queue.remove("a1")]).toEqual([true, false]);
  expect(drain(queue)).toEqual(["b1"]);
  expect([queue.next(), queue.size]).toEqual([undefined, 0]);
});

test("a newcomer pushes out the newest of the least urgent, or of the session with far more places, else nobody", () => {
  const queue = queueOf(["a1", of("a")], ["a2", of("a")], ["a3", of("a")], ["late", { priority: 1 }]);
  expect(queue.makeRoomFor({ flow: "a", priority: 0 })).toBe("late");
  expect(queue.makeRoomFor({ flow: "b", priority: 0 })).toBe("a3");
  expect(queue.makeRoomFor({ flow: "b", priority: 0 })).toBe("a2");
  expect(queue.makeRoomFor({ flow: "b", priority: 0 })).toBeUndefined();
  expect(queue.makeRoomFor({ flow: "b", priority: 1 })).toBeUndefined();
});

test("every item comes out once, whatever the order of what happens", () => {
  for (let seed = 1; seed < 200; seed++) {
    let state = seed;
    const random = (below: number) => (state = (state * 48_271) % 2_147_483_647) % below;
    const queue = makeFairQueue<number>();
    const inside = new Set<number>();
    for (let item = 0; item < 60; item++) {
      queue.add(item, { flow: `f${random(4)}`, priority: random(3) });
      inside.add(item);
      const out = [queue.next, () => undefined, () => queue.makeRoomFor({ flow: "f1", priority: 1 })][random(3)]!();
      if (out !== undefined) expect(inside.delete(out)).toBe(true);
      const gone = random(60);
      expect(queue.remove(gone)).toBe(inside.delete(gone));
      expect(queue.size).toBe(inside.size);
    }
  }
});
