// What every routing policy must keep to, run over the registry.

import { describe, expect, test } from "bun:test";
import { policies } from "../../router/policies/index.ts";
import type { Candidate, RequestFacts } from "../../router/policies/policy.ts";

const request: RequestFacts = { sessionKey: null, bodyBytes: 100, prompt: new Uint8Array() };
const fleets: readonly (readonly Candidate[])[] = [0, 1, 2, 3, 4, 9].map((size) =>
  Object.freeze(
    Array.from(
      { length: size },
      (_, i) => Object.freeze({ name: `w${i}`, inFlight: (i * 7) % 4, outstandingTokens: 0 }),
    ),
  )
);

describe.each(Object.entries(policies))("%s", (name, makePolicy) => {
  test("is registered under its own name", () => {
    expect(makePolicy(() => 0).name).toBe(name);
  });

  test("ranks the same members, each once, and leaves the list it was given alone", () => {
    for (const random of [0, 0.25, 0.5, 0.999_999]) {
      const policy = makePolicy(() => random);
      for (const fleet of fleets) {
        for (let i = 0; i < 5; i++) {
          const ranked = policy.rank(fleet, request);
          expect([...ranked].sort(byName)).toEqual([...fleet].sort(byName));
        }
      }
    }
  });

  test("does not choose one of several idle workers for ever", () => {
    let draw = 0;
    const policy = makePolicy(() => (draw = (draw + 0.37) % 1));
    const idle = ["w0", "w1", "w2"].map((name) => ({ name, inFlight: 0, outstandingTokens: 0 }));
    const first = new Set(Array.from({ length: 60 }, () => policy.rank(idle, request)[0]?.name));
    expect([...first].sort()).toEqual(["w0", "w1", "w2"]);
  });

  test("remembers nothing for another router side", () => {
    const [fleet] = fleets.slice(-1);
    const [used, fresh] = [makePolicy(() => 0.5), makePolicy(() => 0.5)];
    const first = used.rank(fleet ?? [], request);
    used.rank(fleet ?? [], request);
    expect(fresh.rank(fleet ?? [], request)).toEqual(first);
  });
});

function byName(a: Candidate, b: Candidate): number {
  return a.name.localeCompare(b.name);
}
