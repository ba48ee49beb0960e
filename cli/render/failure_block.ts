// Why it failed and what to do about it, so that nobody has to read a log first.

import type { Plan, WorkerPlan } from "../../plan/plan.ts";
import { isSecretName, maskArgv } from "../../plan/secrets.ts";
import { quoteShellWord } from "../../plan/shell_words.ts";
import type { Diagnosis } from "../../supervisor/engines/engine.ts";
import type { PairProof, WorkerFailure } from "../../supervisor/events.ts";
import type { Paint } from "./color.ts";
import { printable } from "./printable.ts";
import { elapsedText } from "./quantities.ts";
import { cutText, textWidth, wrapText } from "./text_width.ts";
import { isSimulator } from "../../supervisor/engines/engine_title.ts";

export interface BlockStyle {
  readonly columns: number;
  readonly paint: Paint;
}

export function failureBlock(failure: WorkerFailure, plan: Plan | null, style: BlockStyle): string[] {
  const worker = plan?.workers.find(({ name }) => name === failure.worker);
  const hasGpus = plan?.device === "cuda" && !isSimulator(plan.engine.name);
  const alone = worker === undefined || worker.external !== null ? [] : ["", ...aloneLines(worker, style)];
  return [
    "",
    ...wrapText(headline(failure, hasGpus), style.columns - 4).map((line, at) => headLine(line, at, style)),
    "",
    ...diagnosisLines(failure.diagnosis, style),
    ...logLines(failure, style),
    ...alone,
  ];
}

/** A pair whose canary showed that KV did not move; the block of the worker that fails for it says why. */
export function refutedLine({ prefill, decode }: PairProof, style: BlockStyle): string {
  return headLine(`KV handoff refuted: ${prefill} → ${decode}`, 0, style);
}

function headLine(line: string, at: number, { paint }: BlockStyle): string {
  return at === 0 ? `  ${paint.red("✗")} ${paint.bold(line)}` : `    ${paint.bold(line)}`;
}

const duringWords: Readonly<Record<string, string>> = {
  ready: "while serving",
  proving: "while its KV handoff was proven",
  listening: "before it answered its probe",
};

/** `decode-1 (gpu 3) stopped while sizing KV, exit code 1, after 38s`. */
function headline({ worker, gpus, during, exit, afterMs }: WorkerFailure, hasGpus: boolean): string {
  const where = hasGpus && gpus.length > 0 ? `${worker} (gpu ${gpus.join(",")})` : worker;
  const when = duringWords[during] ?? `while ${during}`;
  const after = `after ${elapsedText(afterMs)}`;
  if (exit === null) return `${where} failed ${when}, ${after}`;
  const how = exit.signal === null ? `exit code ${exit.code}` : `killed by ${exit.signal}`;
  return `${where} stopped ${when}, ${how}, ${after}`;
}

function diagnosisLines({ what, why, fix }: Diagnosis, { columns, paint }: BlockStyle): string[] {
  const row = (name: string, text: string, color: (text: string) => string) =>
    wrapText(printable(text), columns - 10).map((line, at) =>
      `    ${paint.dim(at === 0 ? name : "    ")}  ${color(line)}`
    );
  const plain = (text: string) => text;
  return [...row("What", what, paint.bold), ...row("Why ", why, plain), ...row("Fix ", fix, paint.green)];
}

function logLines(failure: WorkerFailure, { columns, paint }: BlockStyle): string[] {
  const { lastLines, logPath, diagnosis, during, exit } = failure;
  // The engine runs and noticed nothing: its last lines would only hide the diagnosis.
  if (during === "proving" && exit === null && logPath !== null) return ["", `    log: ${logPath}`];
  if (lastLines.length === 0) return logPath === null ? [] : ["", `    no output; log: ${logPath}`];
  const lines = lastLines.map((line, index) => {
    const cause = index === diagnosis.line;
    const text = cutText(printable(line), columns - 8);
    return cause ? `    ${paint.red("▶")} ${paint.bold(text)}` : `      ${paint.dim(text)}`;
  });
  return ["", `    last lines${logPath === null ? "" : ` (full log: ${logPath})`}`, ...lines];
}

/** Broken at words with a backslash, so that it fits and still works when pasted. The run's own key is not needed then. */
function aloneLines({ argv, env }: WorkerPlan, { columns }: BlockStyle): string[] {
  const set = Object.entries(env).filter(([name]) => !isSecretName(name)).map(([name, value]) =>
    `${name}=${quoteShellWord(value)}`
  );
  const lines: string[] = [];
  let line = "     ";
  for (const word of [...set, ...maskArgv(argv).map(quoteShellWord)]) {
    if (line.trim() !== "" && textWidth(line) + textWidth(word) + 3 > columns) {
      lines.push(`${line} \\`);
      line = "       ";
    }
    line += ` ${word}`;
  }
  return ["    Run it alone:", ...lines, line];
}
