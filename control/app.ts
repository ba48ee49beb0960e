// The admin API: what the verbs, the dashboard and scripts ask a running pdserve. Served on the run's Unix socket.

import { type Context, Hono } from "hono";
import { streamSSE } from "hono/streaming";
import { nearestName } from "../kv/nearest_name.ts";
import type { FleetEvents } from "../supervisor/event_stream.ts";
import type { FleetEvent } from "../supervisor/events.ts";
import type { Fleet } from "../supervisor/fleet.ts";
import type { Ordered } from "../supervisor/ordered.ts";
import type { RunState } from "./run_state.ts";

export interface ControlIo {
  readonly runId: string;
  readonly fleet: Pick<Fleet, "view" | "stop" | "orders">;
  readonly events: FleetEvents;
  readonly inFlight: () => number;
  /** `askWorkers`: their own load too, which takes a request to each. */
  readonly state: (askWorkers: boolean) => Promise<RunState>;
  readonly reload: () => Promise<Reloaded>;
  /** The router's own routes for administrators: workers, engines, requests. */
  readonly router: (request: Request) => Response | Promise<Response>;
}

/** What a reload did: lines for people, and whether it was done. */
export interface Reloaded {
  readonly ordered: Ordered;
  readonly changes: readonly string[];
}

export function makeControlApp({ runId, fleet, events, inFlight, state, reload, router }: ControlIo): Hono {
  const app = new Hono();
  app.get("/state", async (c) => c.json(await state(c.req.query("load") === "1")));
  app.get("/events", (c) => streamEvents(c, events, () => state(false)));
  app.post("/drain", (c) => {
    fleet.stop("drain");
    return c.json({ schema: 1, run_id: runId, in_flight: inFlight() }, 202);
  });
  app.post("/stop", (c) => {
    fleet.stop("now");
    return c.json({ schema: 1, run_id: runId }, 202);
  });
  app.post("/reload", async (c) => {
    const { ordered, changes } = await reload();
    return c.json({ schema: 1, changes, ...outcomeOf(ordered) }, statusOf(ordered));
  });
  app.post("/workers/:name/:order{restart|drain|undrain}", async (c) => {
    const { name, order } = c.req.param();
    const known = fleet.view.snapshot().workers.map(({ facts }) => facts.name);
    if (!known.includes(name)) return c.json(unknownWorker(name, known), 404);
    const ordered = await fleet.orders[order as "restart" | "drain" | "undrain"](name);
    return c.json({ schema: 1, ...outcomeOf(ordered) }, statusOf(ordered));
  });
  app.all("/router/*", (c) => {
    const url = new URL(c.req.url);
    url.pathname = url.pathname.slice("/router".length);
    return router(new Request(url.href, c.req.raw));
  });
  return app;
}

function streamEvents(c: Context, events: FleetEvents, state: () => Promise<RunState>): Response {
  return streamSSE(c, async (stream) => {
    const ended = Promise.withResolvers<void>();
    const unsubscribe = events.subscribe((event) => {
      if (!isPublic(event)) return;
      void stream.writeSSE({ event: event.type, data: JSON.stringify(event) });
      if (event.type === "stopped") ended.resolve();
    });
    stream.onAbort(ended.resolve);
    await stream.writeSSE({ event: "state", data: JSON.stringify(await state()) });
    await ended.promise;
    unsubscribe();
  });
}

/** The plan event holds what workers are launched with, secrets included; plan.json has it masked. Logs have files. */
function isPublic(event: FleetEvent): boolean {
  return event.type !== "plan" && event.type !== "log";
}

function unknownWorker(name: string, known: readonly string[]) {
  const nearest = nearestName(name, known);
  const why = `workers are ${known.join(", ")}`;
  const fix = nearest === null ? "pdserve status lists them" : `did you mean ${nearest}?`;
  return { schema: 1, outcome: "unknown-worker", what: `Unknown worker "${name}"`, why, fix };
}

function outcomeOf(ordered: Ordered): Readonly<Record<string, string>> {
  switch (ordered.is) {
    case "done":
      return { outcome: "done" };
    case "refused":
      return { outcome: "refused", what: ordered.what, why: ordered.why, fix: ordered.fix };
    case "failed": {
      const { what, why, fix } = ordered.diagnosis;
      return { outcome: "failed", worker: ordered.worker, what, why, fix };
    }
  }
}

function statusOf({ is }: Ordered): 200 | 409 | 500 {
  return is === "done" ? 200 : is === "refused" ? 409 : 500;
}
