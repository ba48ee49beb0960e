// What becomes of requests: those that run and the last ones that have ended, as JSON or as a trace for chrome://tracing.

import type { Hono } from "hono";
import { ownRecords } from "../own_records.ts";
import type { RequestRecord } from "../request_ring.ts";
import type { RouterIo } from "../router_io.ts";
import type { Timeline } from "../timeline.ts";

export function addRequestRoutes(app: Hono, io: RouterIo): void {
  app.get("/admin/requests", async (c) => {
    const records = await recordsOf(io);
    if (c.req.query("format") === "chrome") return c.json(chromeTrace(records, io));
    return c.json({ schema: 1, requests: records.map((record) => shown(record, io)) });
  });
  app.get("/admin/requests/:id", async (c) => {
    const records = (await recordsOf(io)).filter(({ id }) => id === c.req.param("id"));
    if (records.length === 0) return c.json({ error: "No such request is remembered" }, 404);
    if (c.req.query("format") === "chrome") return c.json(chromeTrace(records, io));
    return c.json({ schema: 1, ...shown(records[0]!, io) });
  });
}

/** Of all router processes: those that run, then the newest first. */
async function recordsOf(io: RouterIo): Promise<readonly RequestRecord[]> {
  const own = ownRecords(io);
  if (io.siblings === null) return own;
  const { requests } = await io.siblings.ask();
  const order = ({ times }: RequestRecord) => times.endMs || Infinity;
  return [...own, ...requests].sort((a, b) => order(a) === order(b) ? 0 : order(b) - order(a));
}

/** Phases of a request's life in order: a name, and the points where it begins and ends. */
const phases: readonly (readonly [name: string, from: keyof Timeline, to: keyof Timeline])[] = [
  ["queue", "acceptedMs", "admittedMs"],
  ["prefill", "prefillMs", "repliedMs"],
  ["handoff", "repliedMs", "decodeMs"],
  ["first token", "decodeMs", "firstByteMs"],
  ["stream", "firstByteMs", "endMs"],
];

function shown({ times, ...record }: RequestRecord, io: RouterIo) {
  const took = phases.flatMap(([name, from, to]) => {
    const ms = spanOf(times, from, to, io);
    return ms === null ? [] : [[`${name.replace(" ", "_")}_ms`, round(ms)] as const];
  });
  const end = times.endMs || io.now();
  return {
    ...record,
    accepted_at: new Date(io.wall() - (io.now() - times.acceptedMs)).toISOString(),
    total_ms: round(end - times.acceptedMs),
    phases: Object.fromEntries(took),
  };
}

/** Null for a phase that was not reached, or that ran beside the one before it. */
function spanOf(times: Readonly<Timeline>, from: keyof Timeline, to: keyof Timeline, io: RouterIo): number | null {
  if (times[from] === 0 || (times[to] > 0 && times[to] < times[from])) return null;
  if (times[to] > 0) return times[to] - times[from];
  return times.endMs > 0 ? null : io.now() - times[from];
}

/** Trace Event Format: complete events in microseconds, one row for each request. */
function chromeTrace(records: readonly RequestRecord[], io: RouterIo) {
  const traceEvents = records.flatMap(({ id, times, prefill, decode, status, end }, row) =>
    phases.flatMap(([name, from, to]) => {
      const ms = spanOf(times, from, to, io);
      if (ms === null) return [];
      const args = { id, prefill, decode, status, end };
      return [{ name, cat: "request", ph: "X", ts: times[from] * 1_000, dur: ms * 1_000, pid: 1, tid: row + 1, args }];
    })
  );
  return { displayTimeUnit: "ms", traceEvents };
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
