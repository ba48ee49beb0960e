// `pdserve logs`: what the workers wrote, from their files, so that it works for a run that has ended too.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { listRuns } from "../../control/list_runs.ts";
import { followLog, type LogLine, readLog } from "../../control/read_log.ts";
import { stateDirOf } from "../../control/run_dir.ts";
import { nearestName } from "../../kv/nearest_name.ts";
import { readDuration } from "../../plan/read_duration.ts";
import type { CliContext } from "../context.ts";
import { exitCodes } from "../exit_codes.ts";
import { complain, error } from "../reach_run.ts";
import { printable } from "../render/printable.ts";
import { readVerbLine, type VerbLine } from "../verb_line.ts";
import { verbs } from "../verbs.ts";
import type { VerbInput } from "./command.ts";

export async function logsCommand({ argv, context }: VerbInput): Promise<number> {
  const line = readVerbLine(argv, verbs.logs.flags, context.env);
  const wish = readWishes(line);
  const problems = [...line.problems, ...(wish.is === "wrong" ? [wish.problem] : [])];
  if (wish.is === "wrong" || problems.length > 0) return complain(problems, exitCodes.badUsage, context);
  const stateDir = stateDirOf(line.text("state-dir"), context.env);
  const name = line.text("name");
  const run = listRuns(stateDir).find(({ run, runId }) =>
    name === null || run?.name === name || runId.startsWith(name)
  );
  if (run === undefined) {
    const fix = "pdserve MODEL starts one, pdserve demo without a GPU";
    return complain(
      [error("No run to show logs of", "none ever ran here", fix, stateDir)],
      exitCodes.notRunning,
      context,
    );
  }
  const known = workersIn(join(run.path, "logs"));
  const unknown = line.operands.find((worker) => !known.includes(worker));
  if (unknown !== undefined) return complain([unknownWorker(unknown, known)], exitCodes.badUsage, context);
  const workers = line.operands.length > 0 ? line.operands : known.filter((worker) => worker !== "pdserve");
  const isAlive = () => listRuns(stateDir).some(({ runId, alive }) => runId === run.runId && alive);
  const show = showLine(line.has("json"), workers.length > 1, context);
  await Promise.all(workers.map(async (worker) => {
    const path = join(run.path, "logs", `${worker}.log`);
    const { lines, end } = await readLog(path, wish);
    for (const one of lines) show(worker, one);
    if (line.has("follow")) { for await (const one of followLog(path, end, wish.fits, isAlive)) show(worker, one); }
  }));
  return exitCodes.ok;
}

type Wishes =
  | { readonly is: "right"; readonly fits: (line: LogLine) => boolean; readonly last: number | null }
  | { readonly is: "wrong"; readonly problem: ReturnType<typeof error> };

function readWishes(line: VerbLine, now = Date.now()): Wishes {
  const [since, grep, last] = [line.text("since"), line.text("grep"), line.text("lines")];
  const sinceMs = since === null ? null : readDuration(since);
  if (since !== null && sinceMs === null) {
    return wrong(`Cannot read "${since}" as a time`, "a number with ms, s, m or h", "--since 10m");
  }
  if (last !== null && !/^\d+$/.test(last)) {
    return wrong(`Cannot read "${last}" as a number of lines`, "it counts", "-n 100");
  }
  const pattern = patternOf(grep);
  if (pattern === null) {
    return wrong(`Cannot read "${grep}" as a pattern`, "it is no regular expression", "--grep ERROR");
  }
  const from = sinceMs === null ? "" : new Date(now - sinceMs).toISOString();
  const fits = ({ at, text }: LogLine) => at >= from && pattern.test(text);
  return { is: "right", fits, last: last === null ? null : Number(last) };
}

function patternOf(grep: string | null): RegExp | null {
  try {
    return new RegExp(grep ?? "");
  } catch {
    return null;
  }
}

function wrong(what: string, why: string, fix: string): Wishes {
  return { is: "wrong", problem: error(what, why, fix, `flag ${fix.split(" ")[0]}`) };
}

function workersIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter((file) => file.endsWith(".log")).map((file) => file.slice(0, -4)).sort();
  } catch {
    return [];
  }
}

function unknownWorker(name: string, known: readonly string[]) {
  const nearest = nearestName(name, known);
  const fix = nearest === null ? "pdserve logs shows all" : `pdserve logs ${nearest}`;
  return error(`Unknown worker "${name}"`, `logs are there of ${known.join(", ")}`, fix, "argument");
}

function showLine(asJson: boolean, withNames: boolean, { stdout }: CliContext) {
  return (worker: string, { at, text }: LogLine): void => {
    if (asJson) stdout.write(JSON.stringify({ at: at || null, worker, line: text }) + "\n");
    else stdout.write(withNames ? `${worker} | ${printable(text)}\n` : `${printable(text)}\n`);
  };
}
