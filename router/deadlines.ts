// Which requests have waited too long: one coarse tick over all of them instead of a timer for each phase and chunk.

/** Something with a limit; `expiresMs` may be moved at any time and costs nothing to move. */
export interface Expiring {
  /** On the clock of `Deadlines.nowMs`; Infinity for never. */
  expiresMs: number;
  /** Called once per limit that passed; it sets the next one or leaves. */
  expire(): void;
}

export interface Deadlines {
  /** The clock of the last tick: exact enough for limits of seconds, and cheaper than asking for each chunk. */
  readonly nowMs: number;
  readonly watched: ReadonlySet<Expiring>;
  watch(entry: Expiring): void;
  forget(entry: Expiring): void;
  /** Looks at all entries now; the interval calls it, tests too. */
  tick(): void;
  close(): void;
}

const TICK_MS = 250;

export function makeDeadlines(now: () => number): Deadlines {
  const entries = new Set<Expiring>();
  let nowMs = now();
  const tick = () => {
    nowMs = now();
    for (const entry of entries) {
      if (entry.expiresMs > nowMs) continue;
      entry.expiresMs = Infinity;
      entry.expire();
    }
  };
  const timer = setInterval(tick, TICK_MS);
  timer.unref();
  return {
    get nowMs() {
      return nowMs;
    },
    watched: entries,
    watch: (entry) => void entries.add(entry),
    forget: (entry) => void entries.delete(entry),
    tick,
    close: () => clearInterval(timer),
  };
}
