// How fast requests are served, so that one that would wait longer than it may is told at once and not at the end.

export interface Pace {
  /** One more was served. */
  served(): void;
  /** How long the last of so many will wait; 0 while too little is known. */
  waitMs(waiting: number): number;
}

/** Of the time looked at; below it one slow request would count for all. */
const LEAST_SERVED = 10;
const SPAN_MS = 10_000;

/** Two spans that take turns: the last whole one, and the one under way. */
export function makePace(now: () => number): Pace {
  let startedMs = now();
  let current = 0;
  let perMs = 0;
  return {
    served() {
      current++;
      const tookMs = now() - startedMs;
      if (tookMs < SPAN_MS) return;
      perMs = current < LEAST_SERVED ? 0 : current / tookMs;
      current = 0;
      startedMs += tookMs;
    },
    waitMs: (waiting) => perMs === 0 ? 0 : waiting / perMs,
  };
}
