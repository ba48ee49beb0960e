// Follows a run until it serves: what `wait` and `--detach` share.

import { followRun } from "../control/ask_run.ts";
import type { LiveRun } from "../control/find_run.ts";
import type { FleetEvent, WorkerFailure } from "../supervisor/events.ts";
import { exitCodes } from "./exit_codes.ts";

export type Waited =
  | { readonly is: "ready" }
  /** The run's own exit code, and what failed as far as we were there to hear it. */
  | { readonly is: "ended"; readonly exitCode: number; readonly failures: readonly WorkerFailure[] }
  | { readonly is: "late" };

export async function waitUntilReady({ run }: LiveRun, stop: AbortSignal): Promise<Waited> {
  const failures: WorkerFailure[] = [];
  for await (const { type, data } of followRun(run, stop)) {
    if (type === "ready" || (type === "state" && data.phase === "serving")) return { is: "ready" };
    if (type === "failed") failures.push((data as unknown as Extract<FleetEvent, { type: "failed" }>).failure);
    if (type === "stopped") {
      return { is: "ended", exitCode: Number(data.exitCode) || exitCodes.couldNotStart, failures };
    }
  }
  return stop.aborted ? { is: "late" } : { is: "ended", exitCode: exitCodes.couldNotStart, failures };
}
