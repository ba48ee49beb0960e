import { expect, test } from "bun:test";
import { inOrderOfMoves, type Rollout } from "../../supervisor/change_fleet.ts";

const moves = (now: Readonly<Record<string, string>>, next: Readonly<Record<string, string>>) => {
  const changed = Object.entries(next).map(([name, gpu]) => ({ worker: { name, gpus: [gpu] } }) as unknown as Rollout);
  return inOrderOfMoves(changed, (name) => [now[name] ?? ""]).map(({ worker }) => worker.name);
};

test("a worker moves to another's GPU after that one has moved away", () => {
  const now = { "decode-0": "1", "decode-1": "2", "decode-2": "3" };
  expect(moves(now, { "decode-0": "2", "decode-1": "3", "decode-2": "4" })).toEqual([
    "decode-2",
    "decode-1",
    "decode-0",
  ]);
  expect(moves(now, { "decode-0": "1", "decode-1": "2" })).toEqual(["decode-0", "decode-1"]);
});

test("two workers that change places are taken as they come", () => {
  expect(moves({ "decode-0": "1", "decode-1": "2" }, { "decode-0": "2", "decode-1": "1" })).toEqual([
    "decode-0",
    "decode-1",
  ]);
});
