// Which workers, and which pairs, are in quarantine: left alone after failures until a probe or a trial speaks for them.
// Only a worker's own faults count; its 4xx is an answer, and its 503 says "not now", which the policies see as load.
//
//   well ── enough failures in a row ──► out{until} ── pause over, one request ──► trial ── praise ──► well
//    ▲                                     │   ▲                                     │
//    └───────── probe answered ────────────┘   └──────────── blame, or silence ──────┘

/** `gone`: it cannot be reached, so an answered probe ends it. `failing`: it answers, so only a good request does. */
export type Fault = "gone" | "failing";

export interface WorkerHealth {
  blame(worker: string, fault: Fault): void;
  /** For what only shows when the two meet, e.g. KV that decode cannot load from this prefill worker. */
  blamePair(prefill: string, decode: string): void;
  /** It makes no progress at all: out at once, however few requests told so. */
  expel(worker: string): void;
  praise(prefill: string | null, decode: string): void;
  /** A probe was answered. */
  probed(worker: string): void;
  /** They get a request now; for one that is out, it is the trial, and nobody else is sent there meanwhile. */
  chosen(prefill: string | null, decode: string): void;
  avoids(worker: string): boolean;
  avoidsPair(prefill: string, decode: string): boolean;
  /** What is avoided now: `decode-0`, `prefill-0→decode-1`. */
  avoided(): readonly string[];
}

export interface QuarantineLimits {
  /** Failures in a row. */
  readonly failures: number;
  readonly pauseMs: number;
}

interface Record {
  readonly inARow: number;
  readonly fault: Fault;
  /** Moved on by a trial; 0 while the failures are too few. */
  untilMs: number;
}

/** Thresholds and pause that PRIME-RL's proxy uses. */
export const usualQuarantine: QuarantineLimits = { failures: 2, pauseMs: 5_000 };

export function makeWorkerHealth(now: () => number, { failures, pauseMs } = usualQuarantine): WorkerHealth {
  // Empty while all is well, which is what most requests find.
  const records = new Map<string, Record>();
  const put = (who: string, inARow: number, fault: Fault) => {
    records.set(who, { inARow, fault, untilMs: inARow >= failures ? now() + pauseMs : 0 });
  };
  const blame = (who: string, fault: Fault) => put(who, (records.get(who)?.inARow ?? 0) + 1, fault);
  const avoids = (who: string) => (records.get(who)?.untilMs ?? 0) > now();
  const trial = (who: string) => {
    const record = records.get(who);
    if (record !== undefined && record.untilMs > 0) record.untilMs = now() + pauseMs;
  };
  return {
    blame,
    blamePair: (prefill, decode) => blame(pairName(prefill, decode), "failing"),
    expel: (worker) => put(worker, Math.max(failures, records.get(worker)?.inARow ?? 0), "failing"),
    praise(prefill, decode) {
      if (records.size === 0) return;
      for (const who of namesOf(prefill, decode)) records.delete(who);
    },
    probed(worker) {
      if (records.get(worker)?.fault === "gone") records.delete(worker);
    },
    chosen(prefill, decode) {
      if (records.size > 0) { for (const who of namesOf(prefill, decode)) trial(who); }
    },
    avoids: (worker) => records.size > 0 && avoids(worker),
    avoidsPair: (prefill, decode) => records.size > 0 && avoids(pairName(prefill, decode)),
    avoided: () => [...records.keys()].filter(avoids),
  };
}

function namesOf(prefill: string | null, decode: string): readonly string[] {
  return prefill === null ? [decode] : [prefill, decode, pairName(prefill, decode)];
}

function pairName(prefill: string, decode: string): string {
  return `${prefill}→${decode}`;
}
