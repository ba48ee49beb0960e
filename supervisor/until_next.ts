// When to wake: at moments all share, because waking the process eight times costs eight times what one waking does.

/** Milliseconds until the next multiple of `periodMs`, at least 1. */
export function untilNext(periodMs: number, nowMs: number = performance.now()): number {
  return Math.max(1, Math.ceil(periodMs - (nowMs % periodMs)));
}
