// The worker with the fewest prompt tokens in flight first: one prompt of 100 k tokens is more work than ten short ones.

import type { Candidate, Policy, PolicyShare } from "./policy.ts";
import { sortBy } from "./sort_by.ts";
import { startingAt } from "./starting_at.ts";

export function leastTokens(_random?: () => number, { firstTurn = 0 }: PolicyShare = {}): Policy {
  let turn = firstTurn;
  return {
    name: "least_tokens",
    rank: (candidates: readonly Candidate[]) =>
      candidates.length < 2 ? candidates : sortBy(startingAt(candidates, turn++ % candidates.length), tokensOf),
  };
}

function tokensOf({ outstandingTokens }: Candidate): number {
  return outstandingTokens;
}
