// The worker with the fewest requests of this router first; equals take turns, or an idle fleet would load one worker.

import type { Candidate, Policy } from "./policy.ts";
import { startingAt } from "./starting_at.ts";

export function leastInflight(): Policy {
  let turn = 0;
  return {
    name: "least_inflight",
    rank: (candidates: readonly Candidate[]) =>
      candidates.length < 2 ? candidates : sortByInFlight(startingAt(candidates, turn++ % candidates.length)),
  };
}

/** In place and stable, by insertion: a box has a handful of workers, where this beats a general sort and allocates nothing. */
function sortByInFlight(list: Candidate[]): Candidate[] {
  for (let i = 1; i < list.length; i++) {
    const moving = list[i]!;
    let place = i;
    while (place > 0 && list[place - 1]!.inFlight > moving.inFlight) list[place] = list[--place]!;
    list[place] = moving;
  }
  return list;
}
