// Time as a parameter: milliseconds since 1970 that never jump back.

export interface Clock {
  nowMs(): number;
  /** Calls once at that time, or at once when it has passed; returns how to call it off. */
  at(timeMs: number, call: () => void): () => void;
}

/** Setting the machine's clock does not move this one. */
export const realClock: Clock = {
  nowMs: () => performance.timeOrigin + performance.now(),
  at(timeMs, call) {
    // Timers cut fractions off, and would come too early.
    const timer = setTimeout(call, Math.max(0, Math.ceil(timeMs - realClock.nowMs())));
    return () => clearTimeout(timer);
  },
};

export function sleep(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.at(clock.nowMs() + ms, resolve));
}
