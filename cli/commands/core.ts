// The core of a run: plans, and when the plan stands, serves and supervises until it is told to stop.

import { findRun } from "../../control/find_run.ts";
import { resolve } from "node:path";
import { openRunDir, stateDirOf } from "../../control/run_dir.ts";
import { everyModel } from "../../plan/dialects/rollout/model_names.ts";
import { type Core, runCore } from "../../supervisor/watch_init.ts";
import type { Problem } from "../../plan/problem.ts";
import type { CliContext } from "../context.ts";
import { exitCodes } from "../exit_codes.ts";
import { makeWorkDir } from "../make_work_dir.ts";
import { planFromArgv } from "../plan_from_argv.ts";
import { planSources } from "../plan_sources.ts";
import { exitCodeOf, problemsText } from "../print_problems.ts";
import { readWish } from "../read_wish.ts";
import { paintFor, wantsColor } from "../render/color.ts";
import { complain, error } from "../reach_run.ts";
import { handleLeftovers } from "../handle_leftovers.ts";
import { entriesOf } from "../entries_of_file.ts";
import { serveModels } from "../serve_models.ts";
import { serveRun } from "../serve_run.ts";

export function coreMain(argv: readonly string[], context: CliContext): Promise<number> {
  return runCore((core) => planAndServe(core, argv, context));
}

async function planAndServe(core: Core, argv: readonly string[], context: CliContext): Promise<number> {
  const { runId } = core.identity;
  // The settings say where the run's folder is, and the plan names files in it.
  const whole = await readWish(planSources(argv, context));
  const { spec } = whole;
  const stateDir = stateDirOf(spec.settings.stateDir.value, context.env);
  const taken = nameTaken(spec.settings.name.value, stateDir);
  if (taken !== null) return complain([taken], exitCodes.badUsage, context);
  const leftovers = await handleLeftovers(stateDir, spec.settings.reap.value, context);
  if (spec.settings.modelEntry.value === everyModel) {
    const entries = await entriesOf(spec, context);
    if (entries.length > 0) return await serveModels({ wish: whole, entries, argv, stateDir }, core, context);
  }
  const run = { sharedDir: `${stateDir}/runs/${runId}/kv`, nonce: runId.slice(-6) };
  const sources = planSources(argv, context, run);
  const { wish, planned } = await planFromArgv(sources);
  if (planned.is === "impossible") {
    const paint = paintFor(wantsColor(context.env, context.stderr.isTerminal));
    context.stderr.write(problemsText(planned.problems, paint, context.stderr.columns));
    return exitCodeOf(planned.problems);
  }
  const { workDir } = wish.spec.settings;
  const folder = workDir.value === null ? null : makeWorkDir(resolve(context.cwd, workDir.value), workDir);
  if (folder !== null) return complain([folder], exitCodes.badUsage, context);
  const { connector } = planned;
  const plan = { ...planned.plan, problems: [...leftovers, ...planned.plan.problems] };
  const runDir = openRunDir(stateDir, runId);
  return await serveRun({ wish, plan, connector, stateDir, runDir, sources }, core, context);
}

/** Verbs could not tell the two apart. */
function nameTaken(name: string | null, stateDir: string): Problem | null {
  const found = name === null ? null : findRun(stateDir, name);
  if (found?.is !== "found" || found.run.run.name !== name) return null;
  const why = `run ${found.run.runId} (pid ${found.run.run.pid}) has that name`;
  return error(
    `A run named "${name}" is running`,
    why,
    `pdserve stop --name ${name}, or another --name`,
    "flag --name",
  );
}
