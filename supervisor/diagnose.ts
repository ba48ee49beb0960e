// Why a worker failed, from its log and its exit. Pure: the engine brings the rules, the supervisor the evidence.

import type { Diagnosis, DiagnosisRule, Engine, Evidence, LogMarks } from "./engines/engine.ts";
import { exitMeaning, exitText } from "./exit_meaning.ts";

/** What a line says it says at its beginning; a rule must not spend its time in a megabyte of junk. */
const readChars = 4_096;

type Rulebook = Pick<Engine, "rules" | "marks">;

/**
 * Engines report one error several times over, each process wrapping the report of the one below it, so the last lines
 * say least. The cause is the first line that a rule knows within the part of the log that is about the end.
 */
export function diagnose(engine: Rulebook, whole: Evidence): Diagnosis {
  const evidence = { ...whole, lines: whole.lines.map((line) => line.slice(0, readChars)) };
  const what = `${evidence.worker} ${exitText(evidence)}`;
  const from = endBegins(engine.marks, evidence);
  const causes = engine.rules.filter((rule) => !rule.consequence);
  const consequences = engine.rules.filter((rule) => rule.consequence);
  const found = from === null
    ? firstMatch(engine.rules.filter((rule) => rule.whileRunning), engine.marks, evidence, 0)
    : firstMatch(causes, engine.marks, evidence, from) ?? firstMatch(consequences, engine.marks, evidence, from);
  if (!found) return unexplained(engine.marks, evidence, what, from);
  const { rule, groups, line } = found;
  return { rule: rule.id, what, why: rule.why(groups, evidence), fix: rule.fix(groups, evidence), line };
}

/**
 * What a line means for an engine that still runs. `doomed`: it will never serve and never end, so stop it now. `dying`:
 * it is ending by itself, which takes vLLM up to ten seconds; seen to hang there for ever, so wait no longer than a minute.
 */
export function outlook(engine: Rulebook, line: string): "doomed" | "dying" | null {
  if (engine.marks?.calm.test(line)) return null;
  const text = line.slice(0, readChars);
  if (engine.rules.some((rule) => rule.whileRunning && rule.line.test(text))) return "doomed";
  return engine.marks?.crash.test(text) ? "dying" : null;
}

/**
 * The first line to search. A failing start has no other errors, so all of it; an engine that served has those of single
 * requests, so only from where something died; null when nothing in it speaks of an end.
 */
function endBegins(marks: LogMarks | undefined, { lines }: Evidence): number | null {
  if (!marks || !lines.some((line) => marks.serving.test(line))) return 0;
  const crash = lines.findIndex((line) => marks.crash.test(line));
  return crash < 0 ? null : crash;
}

interface Match {
  readonly rule: DiagnosisRule;
  readonly groups: Readonly<Record<string, string>>;
  readonly line: number;
}

function firstMatch(
  rules: readonly DiagnosisRule[],
  marks: LogMarks | undefined,
  evidence: Evidence,
  from: number,
): Match | null {
  for (const [line, text] of evidence.lines.entries()) {
    if (line < from || marks?.echo.test(text) || isSource(text, marks)) continue;
    for (const rule of rules) {
      const groups = rule.line.exec(text);
      if (groups && (rule.when?.(groups.groups ?? {}, evidence) ?? true)) {
        return { rule, groups: { ...groups.groups }, line };
      }
    }
  }
  return null;
}

/** Quotes the first error of the log, so that even an unknown failure shows where it began. */
function unexplained(marks: LogMarks | undefined, evidence: Evidence, what: string, from: number | null): Diagnosis {
  const meaning = exitMeaning(evidence);
  const line = from === null ? -1 : evidence.lines.findIndex((text, at) => at >= from && isError(text, marks));
  const said = line < 0 ? "" : `, the log says first: ${messageOf(evidence.lines[line] ?? "", marks).slice(0, 300)}`;
  const read = evidence.logPath ? `tail -n 200 ${evidence.logPath}` : `pdserve logs ${evidence.worker}`;
  return {
    rule: null,
    what,
    why: `${meaning.why}; no rule matched${said}`,
    fix: meaning.fix && line < 0 ? meaning.fix : `read the log: ${read}`,
    line: line < 0 ? null : line,
  };
}

/** The last line of a Python traceback: `package.SomeError: text`. */
function isError(text: string, marks: LogMarks | undefined): boolean {
  return /^(?:[\w.]+\.)?\w*(?:Error|Exception)(?:: .*)?$/.test(messageOf(text, marks)) && !marks?.wrapper.test(text);
}

/** Program text that a traceback quotes: it names errors that may not have happened. */
function isSource(text: string, marks: LogMarks | undefined): boolean {
  return messageOf(text, marks).startsWith("    ");
}

function messageOf(text: string, marks: LogMarks | undefined): string {
  return marks ? text.replace(marks.prefix, "") : text;
}
