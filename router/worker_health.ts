// Which workers, and which pairs, have just failed and are better left alone for a moment.
// Only a worker's own faults count; its 4xx is an answer, and its 503 says "not now", which the policies see as load.

export interface WorkerHealth {
  blame(worker: string): void;
  /** For what only shows when the two meet, e.g. KV that decode cannot load from this prefill worker. */
  blamePair(prefill: string, decode: string): void;
  praise(prefill: string | null, decode: string): void;
  avoids(worker: string): boolean;
  avoidsPair(prefill: string, decode: string): boolean;
  /** What is avoided now: `decode-0`, `prefill-0→decode-1`. */
  avoided(): readonly string[];
}

interface Failures {
  inARow: number;
  untilMs: number;
}

/** Two failures in a row, then a pause, then one try decides (the thresholds PRIME-RL uses). */
const FAILURES_TO_AVOID = 2;
const PAUSE_MS = 5_000;

export function makeWorkerHealth(now: () => number): WorkerHealth {
  // Empty while all is well, which is what most requests find.
  const failures = new Map<string, Failures>();
  const blame = (who: string) => {
    const inARow = (failures.get(who)?.inARow ?? 0) + 1;
    failures.set(who, { inARow, untilMs: inARow >= FAILURES_TO_AVOID ? now() + PAUSE_MS : 0 });
  };
  const avoids = (who: string) => (failures.get(who)?.untilMs ?? 0) > now();
  return {
    blame,
    blamePair: (prefill, decode) => blame(pairName(prefill, decode)),
    praise(prefill, decode) {
      if (failures.size === 0) return;
      failures.delete(decode);
      if (prefill === null) return;
      failures.delete(prefill);
      failures.delete(pairName(prefill, decode));
    },
    avoids: (worker) => failures.size > 0 && avoids(worker),
    avoidsPair: (prefill, decode) => failures.size > 0 && avoids(pairName(prefill, decode)),
    avoided: () => [...failures.keys()].filter(avoids),
  };
}

function pairName(prefill: string, decode: string): string {
  return `${prefill}→${decode}`;
}
