// The less loaded of two workers drawn by chance: near-even load without everybody running to the same idle one, which
// matters where several routers share the workers and none sees the others' requests.

import type { Candidate, Policy } from "./policy.ts";
import { startingAt } from "./starting_at.ts";

/** `random` gives numbers in [0, 1). */
export function powerOfTwo(random: () => number): Policy {
  return {
    name: "power_of_two",
    rank(candidates: readonly Candidate[]) {
      const { length } = candidates;
      if (length < 2) return candidates;
      const ranked = startingAt(candidates, Math.floor(random() * length));
      const second = 1 + Math.floor(random() * (length - 1));
      [ranked[1], ranked[second]] = [ranked[second]!, ranked[1]!];
      if (ranked[1].inFlight < ranked[0]!.inFlight) [ranked[0], ranked[1]] = [ranked[1], ranked[0]!];
      return ranked;
    },
  };
}
