// Each worker in turn.

import type { Candidate, Policy, PolicyShare } from "./policy.ts";
import { startingAt } from "./starting_at.ts";

export function roundRobin(_random?: () => number, { firstTurn = 0 }: PolicyShare = {}): Policy {
  let turn = firstTurn;
  return {
    name: "round_robin",
    rank: (candidates: readonly Candidate[]) =>
      candidates.length < 2 ? candidates : startingAt(candidates, turn++ % candidates.length),
  };
}
