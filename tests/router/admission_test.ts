import { expect, test } from "bun:test";
import { makeGate } from "../../router/admission.ts";

test("a gate lets in as many as it may and queues the rest in order", async () => {
  const gate = makeGate({ inside: 1, waiting: 2 });
  expect(gate.tryEnter()).toBe(true);
  const [second, third] = [gate.queueUp()!, gate.queueUp()!];
  expect(gate.queueUp()).toBeNull();
  gate.leave();
  expect(await second.admitted).toBe("admitted");
  expect([gate.inside, gate.waiting]).toEqual([1, 1]);
  gate.leave();
  expect(await third.admitted).toBe("admitted");
});

test("nobody overtakes the queue", () => {
  const gate = makeGate({ inside: 2, waiting: 2 });
  gate.tryEnter();
  gate.tryEnter();
  gate.queueUp();
  gate.leave();
  expect(gate.tryEnter()).toBe(false);
});

test("who gives up is not let in, and its place goes to the next", async () => {
  const gate = makeGate({ inside: 1, waiting: 2 });
  gate.tryEnter();
  const [second, third] = [gate.queueUp()!, gate.queueUp()!];
  second.giveUp();
  expect(await second.admitted).toBe("gave-up");
  gate.leave();
  expect(await third.admitted).toBe("admitted");
  third.giveUp();
  expect(gate.inside).toBe(1);
});

test("onceEmpty() calls back once, when the last one has left", () => {
  const gate = makeGate({ inside: 2, waiting: 0 });
  gate.tryEnter();
  let calls = 0;
  gate.onceEmpty(() => calls++);
  gate.leave();
  gate.tryEnter();
  gate.leave();
  expect(calls).toBe(1);
});
