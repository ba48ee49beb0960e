// A clock that all processes of the machine have in common: `performance.now()` begins with the process.

const [seconds, nanoseconds] = process.hrtime();
const aheadMs = seconds * 1_000 + nanoseconds / 1_000_000 - performance.now();

/** Milliseconds, monotonic (CLOCK_MONOTONIC). */
export function machineNowMs(): number {
  return performance.now() + aheadMs;
}
