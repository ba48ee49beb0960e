// How much trying again the fleet may cost: a share of the requests, so that an outage is not answered with twice the load.

export interface RetryBudget {
  /** For each request that comes. */
  earn(): void;
  /** False when there is nothing left for another attempt. */
  spend(): boolean;
}

/** What may be tried again at once: about what one worker has in flight when it dies. */
const SAVED_MOST = 100;

/** `share` of the requests may have a further attempt, e.g. 0.2. Each of `processes` has its part of what may be saved. */
export function makeRetryBudget(share: number, processes = 1): RetryBudget {
  const most = SAVED_MOST / processes;
  let left = most;
  return {
    earn: () => void (left = Math.min(left + share, most)),
    spend() {
      if (left < 1) return false;
      left--;
      return true;
    },
  };
}
