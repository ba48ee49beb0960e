// Where a worker is reached.

import type { WorkerPlan } from "../plan/plan.ts";

/** `http://host:port`; for a worker that somebody else started, the URL it was given by (`unix:/path` included). */
export function urlOf({ external, host, port }: WorkerPlan): string {
  return external ?? `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
