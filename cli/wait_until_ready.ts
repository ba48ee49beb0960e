// Follows a run until it serves: what `wait` and `--detach` share.

import { followRun } from "../control/ask_run.ts";
import type { LiveRun } from "../control/find_run.ts";
import type { FleetEvent } from "../supervisor/events.ts";
import type { CliContext } from "./context.ts";
import { type ExitCode, exitCodes } from "./exit_codes.ts";
import { paintFor, wantsColor } from "./render/color.ts";
import { failureBlock } from "./render/failure_block.ts";

/** Prints the URL on stdout when it serves, and on stderr why it does not. */
export async function waitUntilReady(run: LiveRun, limitMs: number | null, context: CliContext): Promise<number> {
  const stop = limitMs === null ? new AbortController().signal : AbortSignal.timeout(limitMs);
  const { stderr, stdout, env } = context;
  const style = { columns: stderr.columns, paint: paintFor(wantsColor(env, stderr.isTerminal)) };
  for await (const { type, data } of followRun(run.run, stop)) {
    if (type === "ready" || (type === "state" && data.phase === "serving")) {
      stdout.write(`${run.run.url}\n`);
      return exitCodes.ok;
    }
    if (type === "failed") {
      const { failure } = data as unknown as Extract<FleetEvent, { type: "failed" }>;
      stderr.write(failureBlock(failure, null, style).map((text) => text + "\n").join(""));
    }
    if (type === "stopped") return Number(data.exitCode) || exitCodes.couldNotStart;
  }
  return ended(run, stop.aborted, context);
}

function ended({ run, path }: LiveRun, isLate: boolean, { stderr }: CliContext): ExitCode {
  stderr.write(
    isLate ? `pdserve: ${run.name} is still starting\n` : `pdserve: ${run.name} has ended; see ${path}/events.ndjson\n`,
  );
  return isLate ? exitCodes.tryAgain : exitCodes.couldNotStart;
}
