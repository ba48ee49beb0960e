// A clock that all processes of the machine have in common: `performance.now()` begins with the process.

import { monotonicMs } from "../../supervisor/native.ts";

const aheadMs = monotonicMs() - performance.now();

/** Milliseconds, monotonic. */
export function machineNowMs(): number {
  return performance.now() + aheadMs;
}
