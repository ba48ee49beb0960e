// What a client did that a real engine answers with damage: logged as errors, counted, and listed at GET /sim/violations.

export interface Violation {
  readonly atMs: number;
  /** A short name, `expired_read`, or a row of kv-protocols.md §6.6, `E1`. */
  readonly rule: string;
  readonly detail: string;
  readonly requestId: string | null;
}

export interface Violations {
  record(rule: string, detail: string, requestId: string | null): void;
  all(): readonly Violation[];
}

export function makeViolations(now: () => number, log: (text: string) => void): Violations {
  const violations: Violation[] = [];
  return {
    record(rule, detail, requestId) {
      violations.push({ atMs: now(), rule, detail, requestId });
      log(`protocol violation ${rule}: ${detail}${requestId ? ` (request ${requestId})` : ""}`);
    },
    all: () => violations,
  };
}
