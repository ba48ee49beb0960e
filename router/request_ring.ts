// The last requests with the times of their lives, for whoever asks why one was slow.

import type { Timeline } from "./timeline.ts";

export interface RequestRecord {
  readonly id: string;
  readonly path: string;
  /** Null while it runs. */
  readonly status: number | null;
  readonly end: string | null;
  readonly prefill: string | null;
  readonly decode: string | null;
  readonly handoff: string;
  readonly attempts: number;
  readonly phase: string;
  readonly times: Readonly<Timeline>;
}

export interface RequestRing {
  add(record: RequestRecord): void;
  /** The newest first. */
  all(): readonly RequestRecord[];
}

/** Some hundred bytes each. */
const SIZE = 1_024;

export function makeRequestRing(size = SIZE): RequestRing {
  const records: RequestRecord[] = [];
  let next = 0;
  return {
    add(record) {
      records[next] = record;
      next = (next + 1) % size;
    },
    all: () => [...records.slice(next), ...records.slice(0, next)].toReversed(),
  };
}
