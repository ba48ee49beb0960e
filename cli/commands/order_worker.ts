// `pdserve restart W…`, `drain W…` and `undrain W…`: one worker after the other, each told when it is done.

import { exitCodes } from "../exit_codes.ts";
import { askOrComplain, complain, error, reachRun } from "../reach_run.ts";
import { elapsedText } from "../render/quantities.ts";
import { readVerbLine } from "../verb_line.ts";
import type { Command, VerbInput } from "./command.ts";

type Order = "restart" | "drain" | "undrain";

interface Outcome {
  readonly outcome: "done" | "refused" | "failed" | "unknown-worker";
  readonly what?: string;
  readonly why?: string;
  readonly fix?: string;
}

export const restartCommand: Command = (input) => orderWorkers("restart", input);
export const drainCommand: Command = (input) => orderWorkers("drain", input);
export const undrainCommand: Command = (input) => orderWorkers("undrain", input);

const doneTexts: Readonly<Record<Order, string>> = {
  restart: "restarted, proven, serving",
  drain: "drained: it gets no requests until undrain",
  undrain: "takes requests again",
};

async function orderWorkers(order: Order, { argv, context }: VerbInput): Promise<number> {
  const line = readVerbLine(argv, {}, context.env);
  const reached = reachRun(line, context);
  if (reached.is === "not") return reached.exitCode;
  if (line.operands.length === 0) {
    const why = `${order} is about single workers`;
    const example = `pdserve ${order} ${reached.run.run.workers[0]?.name ?? "decode-0"}`;
    return complain([error("Name a worker", why, example, "argument")], exitCodes.badUsage, context);
  }
  for (const worker of line.operands) {
    const startedMs = performance.now();
    const path = `/workers/${encodeURIComponent(worker)}/${order}`;
    const answer = await askOrComplain<Outcome>(reached.run, "POST", path, context);
    if (answer === null) return exitCodes.notRunning;
    const { outcome, what = "", why = "", fix = "" } = answer.body;
    if (outcome !== "done") {
      const exitCode = outcome === "refused"
        ? exitCodes.tryAgain
        : outcome === "failed"
        ? exitCodes.degraded
        : exitCodes.badUsage;
      return complain([error(what, why, fix, worker)], exitCode, context);
    }
    context.stdout.write(`${worker} ${doneTexts[order]} (${elapsedText(performance.now() - startedMs)})\n`);
  }
  return exitCodes.ok;
}
