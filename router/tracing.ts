// What a collector of traces is told of requests. Without one nothing of it is loaded, and the client's own trace headers reach
// both legs as they came.

import type { LegOpening } from "./leg.ts";
import type { HeaderList } from "./leg_headers.ts";
import type { LegName } from "./leg_failure.ts";
import type { Ask } from "./read_ask.ts";
import type { RequestRecord } from "./request_ring.ts";

export interface Tracing {
  /** Null while the tracer is still being loaded. */
  startRequest(ask: Ask): RequestSpan | null;
  /** Resolves when what was told has been sent, or could not be in time. */
  close(): Promise<void>;
}

export interface RequestSpan {
  startLeg(kind: LegName, worker: string): LegSpan;
  end(record: RequestRecord): void;
}

export interface LegSpan {
  /** A leg's headers with this span as the worker's parent (W3C Trace Context), in place of the client's. */
  asParent(headers: HeaderList): HeaderList;
  /** The leg is over now; how it had opened says how it went. */
  over(opened: Promise<LegOpening>): void;
}
