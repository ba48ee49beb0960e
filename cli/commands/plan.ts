// `pdserve plan`: what would run, and nothing runs.

import { planTable } from "../../plan/explain.ts";
import type { Plan, Planned } from "../../plan/plan.ts";
import { planJson } from "../../plan/plan_json.ts";
import { shellScript } from "../../plan/shell.ts";
import type { Terminal } from "../context.ts";
import { exitCodes } from "../exit_codes.ts";
import { planFromArgv, type PlanSources } from "../plan_from_argv.ts";
import { planSources } from "../plan_sources.ts";
import { exitCodeOf, problemsText } from "../print_problems.ts";
import { headerLines } from "../render/header_lines.ts";
import { paintFor, wantsColor } from "../render/color.ts";
import { tableLines } from "../render/table.ts";
import type { VerbInput } from "./command.ts";

/** Exit code 0 means that it would start. */
export async function planCommand(
  { argv, context }: VerbInput,
  sources: PlanSources = planSources(argv, context),
): Promise<number> {
  const { wish, planned, machine } = await planFromArgv(sources);
  const { stdout, stderr, env, version } = context;
  const problems = planned.is === "planned" ? planned.plan.problems : planned.problems;
  const output = wish.spec.settings.output.value;
  if (output === "machine" && machine !== null) {
    // For --machine elsewhere; whether this line would start here is not the question.
    stdout.write(JSON.stringify(machine, null, 2) + "\n");
    return exitCodes.ok;
  }
  const toText = (plan: Plan) => planText(plan, wish.configFile, version, stdout, wantsColor(env, stdout.isTerminal));
  if (output === "json") stdout.write(JSON.stringify(planJson(planned), null, 2) + "\n");
  else if (planned.is === "planned" && output === "sh") {
    stdout.write(shellScript(planned.plan, wish.spec, planned.connector, sources.ownCommand));
  } else if (planned.is === "planned") stdout.write(toText(planned.plan));
  stderr.write(problemsText(problems, paintFor(wantsColor(env, stderr.isTerminal)), columnsOf(stderr)));
  return exitCode(planned);
}

function exitCode(planned: Planned): number {
  return planned.is === "planned" ? exitCodes.ok : exitCodeOf(planned.problems);
}

function planText(plan: Plan, configFile: string | null, version: string, out: Terminal, color: boolean): string {
  const paint = paintFor(color);
  const columns = columnsOf(out);
  const { header, rows } = planTable(plan);
  const router = `http://${plan.router.host}:${plan.router.port}`;
  return [
    ...headerLines({ version, plan, configFile }, columns, paint),
    "",
    ...tableLines(header.map((name) => name.toUpperCase()), rows, { columns: columns - 2, paint }).map((line) =>
      `  ${line}`.trimEnd()
    ),
    "",
    `  ${paint.dim("router")}  ${router}`,
    `  ${paint.dim("The commands: the same line with --output sh; as data: --output json")}`,
  ].join("\n") + "\n";
}

/** A file or a pipe takes lines of any length. */
function columnsOf({ isTerminal, columns }: Terminal): number {
  return isTerminal ? columns : Infinity;
}
