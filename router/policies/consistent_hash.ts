// One session, one worker, so that its next turn finds the KV of the last one. By rendezvous: each worker draws a number
// for the key and the highest wins, so a worker that comes or goes moves only its own share of the sessions.

import { hashText } from "./hash.ts";
import { leastInflight } from "./least_inflight.ts";
import { isOverloaded } from "./overloaded.ts";
import type { Candidate, Policy, PolicyShare } from "./policy.ts";
import { sortBy } from "./sort_by.ts";

/** A request without a key goes to the least busy. */
export function consistentHash(random?: () => number, share: PolicyShare = {}): Policy {
  const keyless = leastInflight(random, share);
  return {
    name: "consistent_hash",
    rank(candidates: readonly Candidate[], request) {
      const { sessionKey } = request;
      if (sessionKey === null) return keyless.rank(candidates, request);
      const seed = hashText(sessionKey);
      const ranked = sortBy([...candidates], ({ name }) => -hashText(name, seed));
      return sortBy(ranked, (candidate) => Number(isOverloaded(candidate, candidates)));
    },
  };
}
