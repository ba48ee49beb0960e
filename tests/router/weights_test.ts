// Which workers have the trainer's last weights, over updates, restarts and pauses.

import { describe, expect, test } from "bun:test";
import { groupOf, makeWeights, type Process, type Update } from "../../router/weights.ts";
import { workerNamed } from "./fake_fleet.ts";

const fromDisk: Update = { path: "/update_weights_from_disk", body: new Uint8Array(), isWhole: true };
const chunk: Update = { path: "/update_weights", body: new Uint8Array(), isWhole: false };

const process = (name: string, generation = 1): Process => ({ ...workerNamed(name), generation });
const [prefill, decode, restarted] = [process("prefill-0"), process("decode-0"), process("decode-0", 2)];

describe("V35: a worker", () => {
  test("has the weights until an update without it, also when it restarts before the first", () => {
    const weights = makeWeights(false);
    expect([prefill, decode, restarted].map(weights.holding)).toEqual(["has", "has", "has"]);
    weights.bring(fromDisk, [prefill], "7");
    expect([prefill, decode, restarted].map(weights.holding)).toEqual(["has", "misses", "misses"]);
    expect(weights.version).toBe("7");
  });

  test("that restarts after an update lacks it, until the next one reaches it", () => {
    const weights = makeWeights(false);
    weights.bring(fromDisk, [prefill, decode], "7");
    expect([decode, restarted].map(weights.holding)).toEqual(["has", "misses"]);
    weights.bring(fromDisk, [prefill, restarted], null);
    expect(weights.holding(restarted)).toBe("has");
    expect(weights.version).toBe("8");
  });

  test("that nobody could update keeps what it had: an update that all refuse changes nothing", () => {
    const weights = makeWeights(false);
    weights.bring(fromDisk, [], "7");
    expect([weights.version, weights.holding(decode)]).toEqual([null, "has"]);
  });

  test("that missed a part of a broadcast in parts does not have it, and one that came in between neither", () => {
    const weights = makeWeights(false);
    weights.open([prefill, decode]);
    weights.bring(chunk, [prefill, decode], null);
    weights.bring(chunk, [prefill, restarted], null);
    weights.close();
    expect([prefill, decode, restarted].map(weights.holding)).toEqual(["has", "misses", "misses"]);
  });

  test("that came after the pause has what was read from files, which is whole", () => {
    const weights = makeWeights(false);
    weights.open([prefill, decode]);
    weights.bring(fromDisk, [prefill, restarted], null);
    expect(weights.holding(restarted)).toBe("has");
  });

  test("that restarted is to be asked where trainers may have updated the others directly", () => {
    const weights = makeWeights(true);
    expect([decode, restarted].map(weights.holding)).toEqual(["has", "unsure"]);
    weights.miss(restarted);
    expect(weights.holding(restarted)).toBe("misses");
    weights.accept(restarted);
    expect(weights.holding(restarted)).toBe("has");
  });
});

test("V35: one adapter that is loaded again brings back whoever lacked only that one", () => {
  const weights = makeWeights(false);
  const load = (adapter: string, took: readonly Process[]) =>
    weights.load(adapter, fromDisk, [prefill, restarted], took);
  load("a", [prefill]);
  expect([prefill, restarted].map(weights.holding)).toEqual(["has", "misses"]);
  load("a", [prefill, restarted]);
  expect(weights.holding(restarted)).toBe("has");
  load("b", [prefill]);
  load("a", [prefill, restarted]);
  expect(weights.holding(restarted)).toBe("misses");
});

test("a version that is only named is that of the weights the workers have", () => {
  const weights = makeWeights(false);
  weights.name("base", [prefill, decode]);
  expect([prefill, decode, restarted].map(weights.holding)).toEqual(["has", "has", "misses"]);
  weights.bring(fromDisk, [prefill], null);
  weights.name("1.1", [prefill, decode]);
  expect([weights.version, weights.holding(decode)]).toEqual(["1.1", "misses"]);
});

test("listeners hear of each change until they leave", () => {
  const weights = makeWeights(false);
  let heard = 0;
  const leave = weights.subscribe(() => void heard++);
  weights.bring(fromDisk, [decode], null);
  weights.accept(prefill);
  leave();
  weights.miss(prefill);
  expect(heard).toBe(2);
});

test("of a broadcast are the processes that joined it, not those that came after them", () => {
  const group = groupOf("/init_broadcaster", [prefill, decode]);
  expect([prefill, decode, restarted].map(group.has)).toEqual([true, true, false]);
});
