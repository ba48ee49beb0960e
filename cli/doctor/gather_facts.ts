// What the doctor looks at.

import { readFileSync, statfsSync } from "node:fs";
import { findLeftovers } from "../../control/leftovers.ts";
import { listRuns } from "../../control/list_runs.ts";
import { stateDirOf } from "../../control/run_dir.ts";
import type { CliContext } from "../context.ts";
import { planFromArgv, type PlanSources, questionFor } from "../plan_from_argv.ts";
import type { Wish } from "../read_wish.ts";
import type { Facts } from "./examine.ts";

export async function gatherFacts(wish: Wish, sources: PlanSources, { env }: CliContext): Promise<Facts> {
  const { spec, engine } = wish;
  const question = questionFor(spec, engine);
  const stateDir = stateDirOf(spec.settings.stateDir.value, env);
  const wantsPlan = spec.model.value !== null || spec.settings.prefillUrls.value !== null;
  const [machine, planned] = await Promise.all([
    sources.probe(question),
    wantsPlan ? planFromArgv(sources).then((made) => made.planned) : null,
  ]);
  return {
    machine,
    engineName: engine.name,
    usesGpus: question.gpus && machine.engine?.device !== "cpu",
    isSimulated: engine.impliedVersion !== undefined,
    port: spec.settings.port.value,
    shm: sharedMemory(),
    openFiles: limitOf("Max open files"),
    lockedMemoryBytes: limitOf("Max locked memory"),
    runs: listRuns(stateDir),
    leftovers: findLeftovers(stateDir),
    planned,
  };
}

function sharedMemory(): Facts["shm"] {
  try {
    const { bsize, blocks, bavail } = statfsSync("/dev/shm");
    return { totalBytes: bsize * blocks, freeBytes: bsize * bavail };
  } catch {
    return null;
  }
}

/** The soft limit; null where there is none. */
function limitOf(name: string): number | null {
  const line = readFileSync("/proc/self/limits", "utf8").split("\n").find((one) => one.startsWith(name)) ?? "";
  const soft = line.slice(name.length).trim().split(/\s+/)[0] ?? "unlimited";
  return soft === "unlimited" ? null : Number(soft);
}
