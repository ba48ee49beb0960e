// Blocks that outlive their request because another engine is to read them, until it has done so or the time is up.

export interface Lease {
  readonly requestId: string;
  readonly blockIds: readonly number[];
  readonly stem: string;
  expiresAtMs: number;
}

export interface LeaseClock {
  now(): number;
  /** Calls back once after `delayMs`; the result cancels it. */
  after(delayMs: number, callback: () => void): () => void;
}

/** Owns one timer for the lease that ends first. */
export class Leases {
  readonly #leases = new Map<string, Lease>();
  readonly #clock: LeaseClock;
  readonly #expired: (lease: Lease) => void;
  #cancelTimer: (() => void) | null = null;

  constructor(clock: LeaseClock, expired: (lease: Lease) => void) {
    this.#clock = clock;
    this.#expired = expired;
  }

  open(lease: Omit<Lease, "expiresAtMs">, durationMs: number): void {
    this.#leases.set(lease.requestId, { ...lease, expiresAtMs: this.#clock.now() + durationMs });
    this.#arm();
  }

  get(requestId: string): Lease | null {
    return this.#leases.get(requestId) ?? null;
  }

  /** A heartbeat: the lease lasts at least `durationMs` from now. False when there is no such lease. */
  extend(requestId: string, durationMs: number): boolean {
    const lease = this.#leases.get(requestId);
    if (!lease) return false;
    lease.expiresAtMs = Math.max(lease.expiresAtMs, this.#clock.now() + durationMs);
    this.#arm();
    return true;
  }

  /** The reader has what it wanted. Null when there is no such lease (any more). */
  close(requestId: string): Lease | null {
    const lease = this.#leases.get(requestId);
    this.#leases.delete(requestId);
    this.#arm();
    return lease ?? null;
  }

  all(): readonly Lease[] {
    return [...this.#leases.values()];
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }

  #arm(): void {
    this.stop();
    const next = Math.min(...this.all().map((lease) => lease.expiresAtMs));
    if (!Number.isFinite(next)) return;
    this.#cancelTimer = this.#clock.after(Math.max(0, next - this.#clock.now()), () => this.#expire());
  }

  #expire(): void {
    const now = this.#clock.now();
    for (const lease of this.all()) {
      if (lease.expiresAtMs > now) continue;
      this.#leases.delete(lease.requestId);
      this.#expired(lease);
    }
    this.#arm();
  }
}
