// How much trying again the fleet may cost: a share of the requests, so that an outage is not answered with twice the load.

export interface RetryBudget {
  /** For each request that comes. */
  earn(): void;
  /** False when there is nothing left for another attempt. */
  spend(): boolean;
}

/** What a quiet fleet may retry at once, and the most that a busy one saves up. */
const FLOOR = 10;
const CEILING = 100;

/** `share` of the requests may have a further attempt, e.g. 0.2. */
export function makeRetryBudget(share: number): RetryBudget {
  let left = FLOOR;
  return {
    earn: () => void (left = Math.min(left + share, Math.max(left, CEILING))),
    spend() {
      if (left < 1) return false;
      left--;
      return true;
    },
  };
}
