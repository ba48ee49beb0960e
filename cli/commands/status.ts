// `pdserve status`: how every worker is, and in one word how the run is.

import type { RunState } from "../../control/run_state.ts";
import type { CliContext } from "../context.ts";
import { type ExitCode, exitCodes } from "../exit_codes.ts";
import { askOrComplain, reachRun } from "../reach_run.ts";
import { paintFor, wantsColor } from "../render/color.ts";
import { statusLines } from "../render/status_table.ts";
import { readVerbLine } from "../verb_line.ts";
import { verbs } from "../verbs.ts";
import type { VerbInput } from "./command.ts";

const WATCH_EVERY_MS = 1_000;
const PIPE_COLUMNS = 160;

export async function statusCommand({ argv, context }: VerbInput): Promise<number> {
  const line = readVerbLine(argv, verbs.status.flags, context.env);
  const reached = reachRun(line, context);
  if (reached.is === "not") return reached.exitCode;
  const isJson = line.text("output") === "json";
  const watches = line.has("watch");
  for (;;) {
    const answer = await askOrComplain<RunState>(reached.run, "GET", "/state?load=1", context);
    if (answer === null) return exitCodes.notRunning;
    const text = isJson ? JSON.stringify(answer.body, null, watches ? 0 : 2) + "\n" : tableText(answer.body, context);
    context.stdout.write(watches && !isJson && context.stdout.isTerminal ? clearScreen + text : text);
    if (!watches) return exitCodeOf(answer.body);
    await new Promise((resolve) => setTimeout(resolve, WATCH_EVERY_MS));
  }
}

const clearScreen = "\x1b[H\x1b[2J";

function tableText(state: RunState, { stdout, env }: CliContext): string {
  const columns = stdout.isTerminal ? stdout.columns : PIPE_COLUMNS;
  const paint = paintFor(wantsColor(env, stdout.isTerminal));
  return statusLines(state, { columns, paint, now: new Date() }).map((line) => line + "\n").join("");
}

function exitCodeOf({ verdict }: RunState): ExitCode {
  if (verdict === "ready") return exitCodes.ok;
  return verdict === "down" ? exitCodes.notRunning : exitCodes.degraded;
}
