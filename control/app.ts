// The admin API: what the verbs, the dashboard and scripts ask a running pdserve. Served on the run's Unix socket.

import { Hono } from "hono";
import { streamSSE } from "hono/streaming";
import type { FleetEvents } from "../supervisor/event_stream.ts";
import type { FleetEvent } from "../supervisor/events.ts";
import type { Fleet } from "../supervisor/fleet.ts";
import type { FleetSnapshot } from "../supervisor/snapshot.ts";

export interface ControlIo {
  readonly runId: string;
  readonly fleet: Pick<Fleet, "view" | "stop">;
  readonly events: FleetEvents;
  readonly inFlight: () => number;
}

export function makeControlApp({ runId, fleet, events, inFlight }: ControlIo): Hono {
  const app = new Hono();
  app.get("/state", (c) => c.json(stateOf(runId, fleet.view.snapshot(), inFlight())));
  app.get("/events", (c) =>
    streamSSE(c, async (stream) => {
      const ended = Promise.withResolvers<void>();
      const unsubscribe = events.subscribe((event) => {
        if (!isPublic(event)) return;
        void stream.writeSSE({ event: event.type, data: JSON.stringify(event) });
        if (event.type === "stopped") ended.resolve();
      });
      stream.onAbort(ended.resolve);
      await stream.writeSSE({
        event: "state",
        data: JSON.stringify(stateOf(runId, fleet.view.snapshot(), inFlight())),
      });
      await ended.promise;
      unsubscribe();
    }));
  app.post("/drain", (c) => {
    fleet.stop("drain");
    return c.json({ schema: 1, run_id: runId, in_flight: inFlight() }, 202);
  });
  app.post("/stop", (c) => {
    fleet.stop("now");
    return c.json({ schema: 1, run_id: runId }, 202);
  });
  return app;
}

/** Members are named one by one: the workers' key must not slip in. */
function stateOf(runId: string, { epoch, phase, workers }: FleetSnapshot, inFlight: number) {
  return { schema: 1, run_id: runId, epoch, phase, in_flight: inFlight, workers };
}

/** The plan event holds what workers are launched with, secrets included; plan.json has it masked. */
function isPublic(event: FleetEvent): boolean {
  return event.type !== "plan";
}
