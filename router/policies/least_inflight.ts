// The worker with the fewest requests of this router first; equals take turns, or an idle fleet would load one worker.

import type { Candidate, Policy, PolicyShare } from "./policy.ts";
import { sortBy } from "./sort_by.ts";
import { startingAt } from "./starting_at.ts";

export function leastInflight(_random?: () => number, { firstTurn = 0 }: PolicyShare = {}): Policy {
  let turn = firstTurn;
  return {
    name: "least_inflight",
    rank: (candidates: readonly Candidate[]) =>
      candidates.length < 2 ? candidates : sortBy(startingAt(candidates, turn++ % candidates.length), inFlightOf),
  };
}

function inFlightOf({ inFlight }: Candidate): number {
  return inFlight;
}
