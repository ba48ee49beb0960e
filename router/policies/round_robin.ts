// Each worker in turn.

import type { Candidate, Policy } from "./policy.ts";
import { startingAt } from "./starting_at.ts";

export function roundRobin(): Policy {
  let turn = 0;
  return {
    name: "round_robin",
    rank: (candidates: readonly Candidate[]) =>
      candidates.length < 2 ? candidates : startingAt(candidates, turn++ % candidates.length),
  };
}
