// Whether a request may have an attempt: the first one always, a further one when the last failure allows it and the
// retry budget too.

import type { FailedLeg } from "./leg_failure.ts";
import type { RouterIo } from "./router_io.ts";

export function mayTry(last: FailedLeg | null, { retries, metrics }: RouterIo): boolean {
  if (last === null) return true;
  if (!last.mayRetry) return false;
  if (retries.spend()) return true;
  metrics.retriesDenied.add("");
  return false;
}
