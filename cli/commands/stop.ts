// `pdserve stop`: as Ctrl-C in its terminal. Waits until nothing of the run is left, and says what is being waited for.

import { followRun } from "../../control/ask_run.ts";
import { findRun } from "../../control/find_run.ts";
import { exitCodes } from "../exit_codes.ts";
import { askOrComplain, reachRun } from "../reach_run.ts";
import { countText, elapsedText } from "../render/quantities.ts";
import { readVerbLine } from "../verb_line.ts";
import { verbs } from "../verbs.ts";
import type { VerbInput } from "./command.ts";

const LOOK_EVERY_MS = 50;

export async function stopCommand({ argv, context }: VerbInput): Promise<number> {
  const line = readVerbLine(argv, verbs.stop.flags, context.env);
  const reached = reachRun(line, context);
  if (reached.is === "not") return reached.exitCode;
  const { run, stateDir } = reached;
  const following = new AbortController();
  const events = followRun(run.run, following.signal);
  // The first event is the state: from then on nothing is missed.
  await events.next();
  const answer = await askOrComplain(run, "POST", line.has("now") ? "/stop" : "/drain", context);
  if (answer === null) return exitCodes.notRunning;
  for await (const { type, data } of events) {
    const limit = elapsedText(Number(data.limitMs));
    if (type === "draining") {
      context.stderr.write(`draining ${countText(Number(data.inFlight), "request")}, up to ${limit}\n`);
    }
    if (type === "worker" && data.state === "stopped") context.stderr.write(`${data.name} stopped\n`);
  }
  while (findRun(stateDir, run.runId).is === "found") {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  context.stdout.write(`${run.run.name} stopped\n`);
  return exitCodes.ok;
}
