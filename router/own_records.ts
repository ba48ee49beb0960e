// What this process knows of requests: those that run, then the last that have ended, the newest first.

import { Exchange } from "./exchange.ts";
import type { RequestRecord } from "./request_ring.ts";
import type { RouterIo } from "./router_io.ts";

export function ownRecords({ deadlines, ring }: Pick<RouterIo, "deadlines" | "ring">): readonly RequestRecord[] {
  const running = [...deadlines.watched].filter((entry) => entry instanceof Exchange);
  return [...running.map((one) => one.record(null, null)), ...ring.all()];
}
