// `pdserve version`: what to say first in a bug report.

import { probeEngine } from "../../plan/probe/probe_engine.ts";
import { runCommand } from "../../plan/probe/run_command.ts";
import type { InstalledEngine } from "../../plan/machine.ts";
import { questionFor } from "../plan_from_argv.ts";
import { planSources } from "../plan_sources.ts";
import { exitCodeOf, problemsText } from "../print_problems.ts";
import { readWish } from "../read_wish.ts";
import { paintFor, wantsColor } from "../render/color.ts";
import type { VerbInput } from "./command.ts";

export type FindEngine = (
  question: NonNullable<ReturnType<typeof questionFor>["engine"]>,
) => Promise<InstalledEngine | null>;

export async function versionCommand(
  { argv, context }: VerbInput,
  findEngine: FindEngine = (question) => probeEngine(question, context.env.PATH, runCommand),
): Promise<number> {
  const { stdout, stderr, env, version } = context;
  const { spec, engine, problems } = await readWish(planSources(argv, context));
  stderr.write(problemsText(problems, paintFor(wantsColor(env, stderr.isTerminal)), Infinity));
  const question = questionFor(spec, engine).engine;
  const installed = question === null ? null : await findEngine(question);
  const runtime = { name: "bun", version: process.versions.bun ?? "unknown" };
  if (spec.settings.output.value === "json") {
    stdout.write(JSON.stringify({ schema: 1, pdserve: version, runtime, engine: installed }, null, 2) + "\n");
  } else {
    const found = installed === null ? `not found (${engine.name})` : `${installed.name} ${installed.version}`;
    stdout.write(`pdserve ${version}\nruntime ${runtime.name} ${runtime.version}\nengine  ${found}\n`);
  }
  return exitCodeOf(problems);
}
