// The worker with the fewest requests of this router first; equals take turns, or an idle fleet would load one worker.

import type { Candidate, Policy } from "./policy.ts";
import { sortBy } from "./sort_by.ts";
import { startingAt } from "./starting_at.ts";

export function leastInflight(): Policy {
  let turn = 0;
  return {
    name: "least_inflight",
    rank: (candidates: readonly Candidate[]) =>
      candidates.length < 2 ? candidates : sortBy(startingAt(candidates, turn++ % candidates.length), inFlightOf),
  };
}

function inFlightOf({ inFlight }: Candidate): number {
  return inFlight;
}
