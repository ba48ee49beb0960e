// When affinity has to yield: a cached prefix is worth some waiting, not a queue.

import type { Candidate } from "./policy.ts";

/** Requests that a worker may be ahead of the others before it counts. */
const SLACK = 8;

/** More than twice the mean of all, and by more than a few requests. */
export function isOverloaded(candidate: Candidate, all: readonly Candidate[]): boolean {
  if (candidate.inFlight <= SLACK) return false;
  let sum = 0;
  for (const { inFlight } of all) sum += inFlight;
  return candidate.inFlight > 2 * sum / all.length + SLACK;
}
