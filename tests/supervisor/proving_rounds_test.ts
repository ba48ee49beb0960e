import { expect, test } from "bun:test";
import { provingRounds } from "../../supervisor/proving_rounds.ts";

const named = (role: string, count: number) => Array.from({ length: count }, (_, index) => `${role}${index}`);

test("provingRounds() tries every pair once when there are few", () => {
  for (const [prefills, decodes] of [[1, 1], [2, 2], [3, 2], [2, 5], [4, 4]] as const) {
    const pairs = provingRounds(named("p", prefills), named("d", decodes)).flat().map((pair) => pair.join("→"));
    const all = named("p", prefills).flatMap((p) => named("d", decodes).map((d) => `${p}→${d}`));
    expect([...pairs].sort()).toEqual([...all].sort());
  }
});

test("provingRounds() uses no worker twice in a round", () => {
  for (const round of provingRounds(named("p", 3), named("d", 4))) {
    const workers = round.flat();
    expect(new Set(workers).size).toBe(workers.length);
  }
});

test("provingRounds() tries each worker at least once when there are many", () => {
  for (const [prefills, decodes] of [[8, 8], [16, 3], [3, 16]] as const) {
    const pairs = provingRounds(named("p", prefills), named("d", decodes)).flat();
    expect(new Set(pairs.flat()).size).toBe(prefills + decodes);
    expect(pairs.length).toBeLessThan(prefills * decodes);
    expect(pairs.every(([prefill, decode]) => prefill.startsWith("p") && decode.startsWith("d"))).toBe(true);
  }
});

test("provingRounds() has nothing to prove without both roles", () => {
  expect(provingRounds(["p0"], [])).toEqual([]);
});
