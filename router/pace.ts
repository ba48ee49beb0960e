// How fast requests are served, so that one that would wait longer than it may is told at once and not at the end.

import { type Count, makeOwnCount } from "./numbers.ts";

export interface Pace {
  /** One more was served. */
  served(): void;
  /** How long the last of so many will wait; 0 while too little is known. */
  waitMs(waiting: number): number;
}

/** Of the time looked at; below it one slow request would count for all. */
const LEAST_SERVED = 10;
const SPAN_MS = 10_000;

/** Two spans that take turns: the last whole one, and the one under way. `count` is of all router processes. */
export function makePace(now: () => number, count: Count = makeOwnCount()): Pace {
  let startedMs = now();
  let before = count.sum;
  let perMs = 0;
  return {
    served() {
      count.add(1);
      const tookMs = now() - startedMs;
      if (tookMs < SPAN_MS) return;
      const current = count.sum - before;
      perMs = current < LEAST_SERVED ? 0 : current / tookMs;
      before += current;
      startedMs += tookMs;
    },
    waitMs: (waiting) => perMs === 0 ? 0 : waiting / perMs,
  };
}
