// `pdserve wait`: ends when the run serves, or when it is clear that it will not.

import { findRun, type LiveRun } from "../../control/find_run.ts";
import { stateDirOf } from "../../control/run_dir.ts";
import { readDuration } from "../../plan/read_duration.ts";
import type { CliContext } from "../context.ts";
import { exitCodes } from "../exit_codes.ts";
import { complain, error, reachRun } from "../reach_run.ts";
import { paintFor, wantsColor } from "../render/color.ts";
import { failureBlock } from "../render/failure_block.ts";
import { readVerbLine, type VerbLine } from "../verb_line.ts";
import { verbs } from "../verbs.ts";
import { type Waited, waitUntilReady } from "../wait_until_ready.ts";
import type { VerbInput } from "./command.ts";

/** `pdserve MODEL & pdserve wait`: the first has not written where it is when the second looks. */
const APPEAR_LIMIT_MS = 3_000;
const LOOK_EVERY_MS = 50;

export async function waitCommand({ argv, context }: VerbInput): Promise<number> {
  const line = readVerbLine(argv, verbs.wait.flags, context.env);
  await untilOneRuns(line, stateDirOf(line.text("state-dir"), context.env));
  const reached = reachRun(line, context);
  if (reached.is === "not") return reached.exitCode;
  const text = line.text("timeout");
  const limitMs = text === null ? null : readDuration(text);
  if (text !== null && limitMs === null) {
    const problem = error(
      `Cannot read "${text}" as a time`,
      "a number with ms, s, m or h",
      "--timeout 10m",
      "flag --timeout",
    );
    return complain([problem], exitCodes.badUsage, context);
  }
  const stop = limitMs === null ? new AbortController().signal : AbortSignal.timeout(limitMs);
  return tell(await waitUntilReady(reached.run, stop), reached.run, context);
}

/** The URL on stdout when it serves, and on stderr why it does not. */
function tell(waited: Waited, { run, path }: LiveRun, { stdout, stderr, env }: CliContext): number {
  switch (waited.is) {
    case "ready":
      stdout.write(`${run.url}\n`);
      return exitCodes.ok;
    case "late":
      stderr.write(`pdserve: ${run.name} is still starting\n`);
      return exitCodes.tryAgain;
    case "ended": {
      const style = { columns: stderr.columns, paint: paintFor(wantsColor(env, stderr.isTerminal)) };
      const lines = waited.failures.flatMap((failure) => failureBlock(failure, null, style));
      stderr.write([...lines, `pdserve: ${run.name} has ended; all of it: ${path}/events.ndjson`, ""].join("\n"));
      return waited.exitCode;
    }
  }
}

async function untilOneRuns(line: VerbLine, stateDir: string): Promise<void> {
  const endMs = performance.now() + APPEAR_LIMIT_MS;
  while (findRun(stateDir, line.text("name")).is === "none" && performance.now() < endMs) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
