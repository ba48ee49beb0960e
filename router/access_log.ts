// One JSON line per request, written in batches: a write per request would cost more than the request.

import type { Timeline } from "./timeline.ts";

/** What the log tells of a request; never anything of its body. */
export interface AccessEntry {
  readonly id: string;
  readonly path: string;
  readonly times: Timeline;
  readonly prefill: string | null;
  readonly decode: string | null;
  readonly handoff: string;
  readonly attempts: number;
}

export interface AccessLog {
  record(entry: AccessEntry, status: number, end: string): void;
  flush(): void;
  close(): void;
}

const FLUSH_MS = 500;
const FLUSH_CHARACTERS = 16 * 1024;

/** `write` gets whole lines. `wallClock` is milliseconds since 1970. */
export function makeAccessLog(write: (lines: string) => void, wallClock: () => number): AccessLog {
  let pending = "";
  const flush = () => {
    if (pending === "") return;
    const lines = pending;
    pending = "";
    write(lines);
  };
  const timer = setInterval(flush, FLUSH_MS);
  timer.unref();
  return {
    record(entry, status, end) {
      pending += `${lineOf(entry, status, end, wallClock())}\n`;
      if (pending.length >= FLUSH_CHARACTERS) flush();
    },
    flush,
    close() {
      clearInterval(timer);
      flush();
    },
  };
}

function lineOf(entry: AccessEntry, status: number, end: string, atMs: number): string {
  const { acceptedMs, firstByteMs, endMs } = entry.times;
  return JSON.stringify({
    time: new Date(atMs).toISOString(),
    request_id: entry.id,
    path: entry.path,
    status,
    end,
    prefill: entry.prefill,
    decode: entry.decode,
    handoff: entry.handoff,
    attempts: entry.attempts,
    ttft_ms: firstByteMs > 0 ? round(firstByteMs - acceptedMs) : null,
    total_ms: round(endMs - acceptedMs),
  });
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
