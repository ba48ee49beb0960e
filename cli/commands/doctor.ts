// `pdserve doctor`: what of this machine is in the way of serving, each with what to do about it.

import { resolve } from "node:path";
import { writeBundle } from "../doctor/bundle.ts";
import { examine } from "../doctor/examine.ts";
import { gatherFacts } from "../doctor/gather_facts.ts";
import { exitCodes } from "../exit_codes.ts";
import type { PlanSources } from "../plan_from_argv.ts";
import { planSources } from "../plan_sources.ts";
import { exitCodeOf, problemsText } from "../print_problems.ts";
import { readWish } from "../read_wish.ts";
import { paintFor, wantsColor } from "../render/color.ts";
import { doctorLines } from "../render/doctor_report.ts";
import { hasErrors } from "../../plan/problem.ts";
import type { VerbInput } from "./command.ts";

const PIPE_COLUMNS = 100;

/** Exit code 0 when nothing is in the way, 3 when something is. */
export async function doctorCommand(
  { argv, context }: VerbInput,
  sources: PlanSources = planSources(argv, context),
): Promise<number> {
  const { stdout, stderr, env, version } = context;
  const wish = await readWish(sources);
  stderr.write(problemsText(wish.problems, paintFor(wantsColor(env, stderr.isTerminal)), stderr.columns));
  if (hasErrors(wish.problems)) return exitCodeOf(wish.problems);
  const facts = await gatherFacts(wish, sources, context);
  const findings = examine(facts);
  const json = JSON.stringify({ schema: 1, pdserve: version, findings, machine: facts.machine }, null, 2) + "\n";
  const columns = stdout.isTerminal ? stdout.columns : PIPE_COLUMNS;
  const lines = doctorLines(findings, columns, paintFor(wantsColor(env, stdout.isTerminal)));
  stdout.write(wish.spec.settings.output.value === "json" ? json : lines.map((line) => line + "\n").join(""));
  const { bundle } = wish.spec.settings;
  if (bundle.value !== null) {
    const path = resolve(context.cwd, bundle.value);
    const plain = doctorLines(findings, PIPE_COLUMNS, paintFor(false)).join("\n") + "\n";
    const names = writeBundle(path, { "doctor.txt": plain, "doctor.json": json }, facts.runs[0] ?? null, env);
    stderr.write(`pdserve: wrote ${path} with ${names.join(", ")}; look through it before you send it\n`);
  }
  return findings.some(({ status }) => status === "error") ? exitCodes.degraded : exitCodes.ok;
}
