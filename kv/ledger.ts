// Every KV handle of this router, from the prefill reply to its end. A handle is used once and never past its lease:
// KV that does not belong to a prompt stays in decode's prefix cache and spoils later requests (seen on a real engine).
//
//   opened ── spend() ──► spent ── settle ──► done | failed
//      ├── settle ──► released | leaked | failed
//      └── lease ran out ──► expired

/**
 * `done`: decode has answered in full. `failed`: decode had the handle and did not. `expired`: nobody took it in time.
 * `released`: given up, and prefill has freed or will free it at once. `leaked`: given up while an engine still holds it.
 */
export type Outcome = "done" | "failed" | "expired" | "released" | "leaked";

export interface HandleFacts {
  readonly attemptId: string;
  readonly connector: string;
  readonly prefill: string;
  readonly decode: string;
  /** The prefill worker's generation that made the KV. */
  readonly generation: number;
  /** How long prefill keeps it; null where nothing is pinned. */
  readonly leaseMs: number | null;
}

/** `reason` is a clause about the prefill worker, fit for clients: it names no id of an attempt. */
export type Spending = { readonly is: "spent" } | { readonly is: "refused"; readonly reason: string };

export interface Handle {
  readonly facts: HandleFacts;
  /** Call right before the decode leg is sent. `generation` is the prefill worker's of now. Succeeds at most once. */
  spend(generation?: number): Spending;
  /** The first outcome counts, later ones change nothing. `done` without `spend` is a bug and throws. */
  settle(outcome: Exclude<Outcome, "expired">): void;
}

export interface LedgerCounts {
  /** Handles that have not come to an end. */
  readonly opened: number;
  readonly spent: number;
  readonly ended: Readonly<Record<string, Readonly<Record<Outcome, number>>>>;
}

/** Told of each step of each handle, for whoever counts over the ledgers of several processes. */
export interface HandleTally {
  opened(change: 1 | -1): void;
  spent(change: 1 | -1): void;
  ended(outcome: Outcome): void;
}

/** Prefill's lease began before its reply arrived, and decode needs time to fetch: the last fifth is not used. */
const usableShareOfLease = 0.8;

type State =
  | { readonly is: "opened"; readonly deadlineMs: number }
  | { readonly is: "spent" }
  | { readonly is: "over"; readonly outcome: Outcome };

interface Entry {
  readonly facts: HandleFacts;
  state: State;
}

/**
 * `nowMs` is any clock that does not jump. There are no timers: expiry is found out when somebody asks. Memory is
 * bounded by `maxLive`; beyond it the oldest handle is counted as leaked.
 */
export function makeLedger(nowMs: () => number, maxLive = 65_536, tally: HandleTally | null = null): Ledger {
  return new Ledger(nowMs, maxLive, tally);
}

export class Ledger {
  readonly #opened = new Set<Entry>();
  readonly #spent = new Set<Entry>();
  readonly #waiting = new Map<string, number>();
  readonly #ended = new Map<string, Record<Outcome, number>>();

  constructor(
    private readonly nowMs: () => number,
    private readonly maxLive: number,
    private readonly tally: HandleTally | null,
  ) {}

  /** `sinceMs`: when the lease began, on the ledger's clock; now where that is not known. */
  open(facts: HandleFacts, sinceMs = this.nowMs()): Handle {
    this.#expireOldest();
    if (this.#opened.size + this.#spent.size >= this.maxLive) this.#end(this.#oldest(), "leaked");
    const deadlineMs = facts.leaseMs === null ? Infinity : sinceMs + facts.leaseMs * usableShareOfLease;
    const entry: Entry = { facts, state: { is: "opened", deadlineMs } };
    this.#opened.add(entry);
    this.tally?.opened(1);
    this.#addWaiting(facts.prefill, 1);
    return {
      facts,
      spend: (generation) => this.#spend(entry, generation),
      settle: (outcome) => this.#settle(entry, outcome),
    };
  }

  /** Handles of one prefill worker that wait for decode, for the limit on handoffs in flight. */
  waiting(prefill: string): number {
    return this.#waiting.get(prefill) ?? 0;
  }

  counts(): LedgerCounts {
    for (const entry of this.#opened) this.#endIfExpired(entry);
    return {
      opened: this.#opened.size,
      spent: this.#spent.size,
      ended: structuredClone(Object.fromEntries(this.#ended)),
    };
  }

  #spend(entry: Entry, generation = entry.facts.generation): Spending {
    this.#endIfExpired(entry);
    const { facts, state } = entry;
    if (state.is === "spent") return refused("made KV that decode has had already");
    if (state.is === "over") return refused(whyOver[state.outcome]);
    if (generation !== facts.generation) {
      this.#end(entry, "released");
      return refused("has restarted since it made the KV");
    }
    this.#opened.delete(entry);
    this.#spent.add(entry);
    this.tally?.opened(-1);
    this.tally?.spent(1);
    this.#addWaiting(facts.prefill, -1);
    entry.state = { is: "spent" };
    return { is: "spent" };
  }

  #settle(entry: Entry, outcome: Outcome): void {
    this.#endIfExpired(entry);
    if (entry.state.is === "over") return;
    if (entry.state.is === "opened" && outcome === "done") {
      throw new Error(`${entry.facts.attemptId} cannot be done: it was never spent`);
    }
    this.#end(entry, outcome);
  }

  #end(entry: Entry, outcome: Outcome): void {
    if (this.#opened.delete(entry)) {
      this.tally?.opened(-1);
      this.#addWaiting(entry.facts.prefill, -1);
    }
    if (this.#spent.delete(entry)) this.tally?.spent(-1);
    this.tally?.ended(outcome);
    entry.state = { is: "over", outcome };
    const counts = this.#ended.get(entry.facts.connector) ?? { done: 0, failed: 0, expired: 0, released: 0, leaked: 0 };
    counts[outcome]++;
    this.#ended.set(entry.facts.connector, counts);
  }

  #endIfExpired(entry: Entry): boolean {
    const expired = entry.state.is === "opened" && this.nowMs() >= entry.state.deadlineMs;
    if (expired) this.#end(entry, "expired");
    return expired;
  }

  /** Sets keep insertion order and one run has one lease, so the first that is not due ends the walk. */
  #expireOldest(): void {
    for (const entry of this.#opened) if (!this.#endIfExpired(entry)) return;
  }

  #oldest(): Entry {
    const [entry] = this.#spent.size > 0 ? this.#spent : this.#opened;
    return entry!;
  }

  #addWaiting(prefill: string, change: 1 | -1): void {
    const count = (this.#waiting.get(prefill) ?? 0) + change;
    if (count === 0) this.#waiting.delete(prefill);
    else this.#waiting.set(prefill, count);
  }
}

const whyOver: Readonly<Record<Outcome, string>> = {
  done: "made KV that decode has had already",
  failed: "made KV that decode could not use",
  expired: "made KV that its lease did not keep long enough",
  released: "has freed its KV",
  leaked: "made KV that was given up",
};

function refused(reason: string): Spending {
  return { is: "refused", reason };
}
