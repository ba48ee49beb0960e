import { expect, test } from "bun:test";
import { countStopSignals, type StopSignal, type StopWish } from "../../supervisor/stop_signals.ts";

type Heard = readonly [StopSignal, "core" | "init"];

function wishesAfter(...heard: readonly Heard[]): readonly StopWish[] {
  const wishes: StopWish[] = [];
  const hear = countStopSignals((wish) => wishes.push(wish));
  for (const [signal, by] of heard) hear(signal, by);
  return wishes;
}

test("countStopSignals() takes Ctrl-C of a terminal, which both processes get, as one", () => {
  expect(wishesAfter(["SIGINT", "core"], ["SIGINT", "init"])).toEqual(["drain"]);
  expect(wishesAfter(["SIGINT", "init"], ["SIGINT", "core"], ["SIGINT", "core"], ["SIGINT", "init"]))
    .toEqual(["drain", "now"]);
});

test("countStopSignals() hears interrupts that only init or only the core gets", () => {
  expect(wishesAfter(["SIGINT", "init"], ["SIGINT", "init"])).toEqual(["drain", "now"]);
  expect(wishesAfter(["SIGINT", "core"], ["SIGINT", "core"], ["SIGINT", "core"])).toEqual(["drain", "now", "kill"]);
});

test("countStopSignals() does not add SIGTERM up, for service managers send it twice", () => {
  expect(wishesAfter(["SIGTERM", "core"], ["SIGTERM", "init"], ["SIGTERM", "core"], ["SIGTERM", "core"]))
    .toEqual(["drain"]);
});

test("countStopSignals() hurries when SIGTERM follows Ctrl-C", () => {
  expect(wishesAfter(["SIGINT", "core"], ["SIGTERM", "init"])).toEqual(["drain", "now"]);
});

test("countStopSignals() does not drain for SIGQUIT", () => {
  expect(wishesAfter(["SIGQUIT", "core"], ["SIGQUIT", "init"])).toEqual(["now"]);
});
