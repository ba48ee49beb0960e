// Asks a worker whether it serves, again and again until it does.

import { type Clock, sleep } from "./clock.ts";

const ANSWER_LIMIT_MS = 2_000;

/** The part of `fetch` that probing needs. */
export type Fetch = (url: string, init: { readonly signal: AbortSignal }) => Promise<Response>;

/** Resolves true at the first answer 200, false when `stopped` is aborted before. */
export async function untilHealthy(url: string, fetch: Fetch, clock: Clock, stopped: AbortSignal): Promise<boolean> {
  const startedMs = clock.nowMs();
  while (!stopped.aborted) {
    if (await answersOk(url, fetch, stopped)) return !stopped.aborted;
    await sleep(clock, pauseMs(clock.nowMs() - startedMs));
  }
  return false;
}

export async function answersOk(url: string, fetch: Fetch, stopped?: AbortSignal): Promise<boolean> {
  try {
    const limit = AbortSignal.timeout(ANSWER_LIMIT_MS);
    const answer = await fetch(url, { signal: stopped === undefined ? limit : AbortSignal.any([limit, stopped]) });
    await answer.body?.cancel();
    return answer.status === 200;
  } catch {
    // Refused, reset or too slow: not serving yet.
    return false;
  }
}

/** Often at first, for a small model is up in a second; once a second for one that loads for minutes. */
export function pauseMs(sinceStartMs: number): number {
  return Math.min(1_000, Math.max(50, sinceStartMs / 20));
}
