// `pdserve reload`: the run reads its flags, environment and file again, and becomes what they say now.

import { exitCodes } from "../exit_codes.ts";
import { askOrComplain, complain, error, reachRun } from "../reach_run.ts";
import { readVerbLine } from "../verb_line.ts";
import type { VerbInput } from "./command.ts";

interface Outcome {
  readonly outcome: "done" | "refused" | "failed";
  readonly changes: readonly string[];
  readonly worker?: string;
  readonly what?: string;
  readonly why?: string;
  readonly fix?: string;
}

export async function reloadCommand({ argv, context }: VerbInput): Promise<number> {
  const line = readVerbLine(argv, {}, context.env);
  const reached = reachRun(line, context);
  if (reached.is === "not") return reached.exitCode;
  const answer = await askOrComplain<Outcome>(reached.run, "POST", "/reload", context);
  if (answer === null) return exitCodes.notRunning;
  const { outcome, changes, worker, what = "", why = "", fix = "" } = answer.body;
  for (const change of changes) context.stdout.write(`${change}\n`);
  if (outcome === "done") return exitCodes.ok;
  const problem = error(what, why, fix, worker ?? "reload");
  if (outcome === "refused") return complain([problem], exitCodes.badUsage, context);
  context.stderr.write("pdserve: The new plan failed; every worker has its old one again\n");
  return complain([problem], exitCodes.degraded, context);
}
