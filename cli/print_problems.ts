// Problems as a person reads them on stderr: what, why, fix, where.

import type { Problem } from "../plan/problem.ts";
import { type ExitCode, exitCodes } from "./exit_codes.ts";
import type { Paint } from "./render/color.ts";
import { wrapText } from "./render/text_width.ts";

/** Warnings come first, so that what stopped pdserve stands last, next to the prompt. */
export function problemsText(problems: readonly Problem[], paint: Paint, columns: number): string {
  const warnings = problems.filter(({ severity }) => severity === "warning");
  const errors = problems.filter(({ severity }) => severity === "error");
  return [...warnings, ...errors].map((problem) => problemLines(problem, paint, columns).join("\n") + "\n").join("");
}

/** Only the reason is broken into lines: what is to be pasted stays whole. */
export function problemLines({ what, why, fix, where, severity }: Problem, paint: Paint, columns: number): string[] {
  const head = severity === "error" ? paint.red("pdserve:") : paint.yellow("!");
  const row = (name: string, text: string) => `  ${paint.dim(`${name}:`.padEnd(6))} ${text}`;
  const [reason = "", ...more] = wrapText(why, columns - 9);
  const indented = more.map((line) => " ".repeat(9) + line);
  return [`${head} ${paint.bold(what)}`, row("why", reason), ...indented, row("fix", fix), row("where", where)];
}

/** What the user got wrong counts before what the machine lacks: it must be mended first. */
export function exitCodeOf(problems: readonly Problem[]): ExitCode {
  const codes = problems.filter(({ severity }) => severity === "error").map(({ exitCode }) => exitCode ?? 2);
  if (codes.length === 0) return exitCodes.ok;
  if (codes.includes(2)) return exitCodes.badUsage;
  return codes.includes(69) ? exitCodes.engineMissing : exitCodes.couldNotStart;
}
