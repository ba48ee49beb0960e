// From a verb's command line to the running pdserve it means, or to the words that say why there is none.

import { findRun, type FoundRun, type LiveRun } from "../control/find_run.ts";
import { stateDirOf } from "../control/run_dir.ts";
import { askRun } from "../control/ask_run.ts";
import type { Problem } from "../plan/problem.ts";
import type { CliContext } from "./context.ts";
import { type ExitCode, exitCodes } from "./exit_codes.ts";
import { problemsText } from "./print_problems.ts";
import { paintFor, wantsColor } from "./render/color.ts";
import type { VerbLine } from "./verb_line.ts";

export type Reached =
  | { readonly is: "run"; readonly run: LiveRun; readonly stateDir: string }
  | { readonly is: "not"; readonly exitCode: ExitCode };

/** Complains on stderr. */
export function reachRun(line: VerbLine, context: CliContext): Reached {
  if (line.problems.length > 0) return { is: "not", exitCode: complain(line.problems, exitCodes.badUsage, context) };
  const stateDir = stateDirOf(line.text("state-dir"), context.env);
  const name = line.text("name");
  const found = findRun(stateDir, name);
  if (found.is === "found") return { is: "run", run: found.run, stateDir };
  const exitCode = found.is === "several" ? exitCodes.badUsage : exitCodes.notRunning;
  return { is: "not", exitCode: complain([whyNone(found, name, stateDir)], exitCode, context) };
}

/** The answer's body when it has one, else null and the words why on stderr. */
export async function askOrComplain<T>(
  run: LiveRun,
  method: "GET" | "POST",
  path: string,
  context: CliContext,
): Promise<{ readonly status: number; readonly body: T } | null> {
  const answer = await askRun<T>(run.run, method, path, method === "GET" ? 10_000 : null);
  if (answer.is === "answer") return answer;
  const { name, pid } = run.run;
  const what = `${name} (pid ${pid}) does not answer on its control socket`;
  const fix = `pdserve status; kill -9 ${pid} ends it and all its workers`;
  complain([error(what, answer.reason, fix, run.run.control)], exitCodes.notRunning, context);
  return null;
}

export function complain(problems: readonly Problem[], exitCode: ExitCode, { stderr, env }: CliContext): ExitCode {
  stderr.write(problemsText(problems, paintFor(wantsColor(env, stderr.isTerminal)), stderr.columns));
  return exitCode;
}

export function error(what: string, why: string, fix: string, where: string): Problem {
  return { what, why, fix, where, severity: "error" };
}

function whyNone(found: Exclude<FoundRun, { is: "found" }>, name: string | null, stateDir: string): Problem {
  switch (found.is) {
    case "none": {
      const last = found.last === null ? "none ever ran here" : `the last one, ${found.last.runId}, has ended`;
      return error(
        "No pdserve is running",
        last,
        "pdserve MODEL starts one, pdserve demo without a GPU",
        `${stateDir}/runs`,
      );
    }
    case "unknown-name": {
      const fix = `--name ${found.nearest ?? found.names[0]}`;
      return error(`No run is named "${name}"`, `running are ${found.names.join(", ")}`, fix, "flag --name");
    }
    case "several":
      return error("Say which run", `running are ${found.names.join(", ")}`, `--name ${found.names[0]}`, "flag --name");
  }
}
