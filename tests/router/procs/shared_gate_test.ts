import { expect, test } from "bun:test";
import { join } from "node:path";
import { bytesFor } from "../../../router/procs/shared_cells.ts";
import { makeSharedMemory, mapSharedMemory } from "../../../supervisor/native.ts";
import { numbersIn, numbersOf } from "./numbers_in.ts";

const limits = { inside: 2, waiting: 2 };

for (const [processes, limit] of [[2, 1], [2, 3], [4, 2], [4, 5]] as const) {
  test(`${processes} processes storm one gate and never are more than ${limit} inside`, async () => {
    const memory = makeSharedMemory(bytesFor(processes));
    const cells = mapSharedMemory(memory.path);
    const script = join(import.meta.dir, "storm_process.ts");
    const told = await Promise.all(Array.from({ length: processes }, (_, row) => {
      const words = [memory.path, row, processes, limit, 60].map(String);
      const child = Bun.spawn([process.execPath, "run", script, ...words], { stdout: "pipe", stderr: "inherit" });
      return new Response(child.stdout).text();
    }));
    expect(told.map((text) => text.trim())).toEqual(Array.from({ length: processes }, () => "0"));
    const { inside, waiting } = numbersIn(cells, { at: 0, of: processes }).window("decode-0", limits);
    expect({ inside, waiting }).toEqual({ inside: 0, waiting: 0 });
    memory.close();
  }, 60_000);
}

test("a place freed in one process is taken by who waits in another", async () => {
  const { all: [one, two] } = numbersOf(2);
  const [here, there] = [one!.gate({ inside: 1, waiting: 5 }), two!.gate({ inside: 1, waiting: 5 })];
  expect(here.tryEnter()).toBe(true);
  expect(there.tryEnter()).toBe(false);
  const waiting = there.queueUp()!;
  expect([here.inside, here.waiting, there.inside, there.waiting]).toEqual([1, 1, 1, 1]);
  here.leave();
  expect(await waiting.admitted).toBe("admitted");
  expect([here.inside, here.waiting]).toEqual([1, 0]);
});

test("a newcomer does not pass who waits in another process", async () => {
  const { all: [one, two] } = numbersOf(2);
  const [here, there] = [one!.gate({ inside: 1, waiting: 5 }), two!.gate({ inside: 1, waiting: 5 })];
  here.tryEnter();
  const waiting = there.queueUp()!;
  here.leave();
  expect(here.tryEnter()).toBe(false);
  expect(await waiting.admitted).toBe("admitted");
});

test("the queue has one limit for all processes, and giving up makes room in it", async () => {
  const { all: [one, two] } = numbersOf(2);
  const [here, there] = [one!.gate({ inside: 1, waiting: 2 }), two!.gate({ inside: 1, waiting: 2 })];
  here.tryEnter();
  const first = here.queueUp()!;
  there.queueUp();
  expect(there.queueUp()).toBeNull();
  expect(here.queueUp()).toBeNull();
  first.giveUp();
  expect(await first.admitted).toBe("gave-up");
  expect(there.waiting).toBe(1);
  expect(here.queueUp()).not.toBeNull();
});

test("a more urgent request pushes out one of its own process when the queue of all is full", async () => {
  const { all: [one] } = numbersOf(2);
  const gate = one!.gate({ inside: 1, waiting: 1 });
  gate.tryEnter();
  const patient = gate.queueUp({ flow: "", priority: 5 })!;
  const urgent = gate.queueUp({ flow: "", priority: 0 })!;
  expect(await patient.admitted).toBe("pushed-out");
  expect(gate.waiting).toBe(1);
  gate.leave();
  expect(await urgent.admitted).toBe("admitted");
});

test("places closed by one process are closed for all, and opened for who waits in another", async () => {
  const { all: [core, other] } = numbersOf(2);
  const [here, there] = [core!.gate(limits), other!.gate(limits)];
  here.resize(0);
  expect([there.places, there.tryEnter()]).toEqual([0, false]);
  const waiting = there.queueUp()!;
  here.resize(2);
  expect(await waiting.admitted).toBe("admitted");
  expect(there.places).toBe(2);
});

test("each worker's window and room are its own", () => {
  const { all: [one, two] } = numbersOf(2);
  expect(one!.window("decode-0", { inside: 1, waiting: 0 }).tryEnter()).toBe(true);
  expect(two!.window("decode-1", { inside: 1, waiting: 0 }).tryEnter()).toBe(true);
  expect(two!.room("decode-0", { inside: 1, waiting: 0 }).tryEnter()).toBe(true);
  expect(two!.window("decode-0", { inside: 1, waiting: 0 }).tryEnter()).toBe(false);
});

test("nobody is inside only once the last has left, in whichever process", async () => {
  const { all: [one, two] } = numbersOf(2);
  const [here, there] = [one!.gate(limits), two!.gate(limits)];
  let isEmpty = false;
  here.tryEnter();
  there.tryEnter();
  const empty = new Promise<void>((resolve) =>
    here.onceEmpty(() => {
      isEmpty = true;
      resolve();
    })
  );
  here.leave();
  expect(isEmpty).toBe(false);
  there.leave();
  await empty;
  expect(here.inside).toBe(0);
});
