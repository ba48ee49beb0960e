// Which runs this machine remembers, which of them live, and which may be forgotten.

import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { readProcess } from "../supervisor/process_tree.ts";
import type { RunFile } from "./run_dir.ts";

export interface KnownRun {
  readonly runId: string;
  readonly path: string;
  /** Null when its run.json is missing or not one. */
  readonly run: RunFile | null;
  readonly alive: boolean;
}

/** Newest first: run ids begin with their time. */
export function listRuns(stateDir: string): readonly KnownRun[] {
  return namesIn(join(stateDir, "runs")).filter((name) => /^\d{8}-/.test(name)).sort().reverse().map((runId) => {
    const path = join(stateDir, "runs", runId);
    const run = readRunFile(path);
    return { runId, path, run, alive: run !== null && isAlive(run) };
  });
}

/** Removes all but the newest `keep` runs; never a live one, nor one that is just being made. */
export function pruneRuns(stateDir: string, keep: number): void {
  for (const { path, run, alive } of listRuns(stateDir).slice(keep)) {
    if (run !== null && !alive) rmSync(path, { recursive: true, force: true });
  }
}

/** Whether init or core still runs; a reused pid has another start time. */
function isAlive({ pid, core_pid, start_ticks }: RunFile): boolean {
  return [pid, core_pid].some((one) => {
    const process = readProcess(one);
    return process !== null && !process.zombie && process.startTicks === start_ticks[String(one)];
  });
}

function readRunFile(path: string): RunFile | null {
  try {
    const run = JSON.parse(readFileSync(join(path, "run.json"), "utf8"));
    return run.schema === 1 && typeof run.core_pid === "number" ? run : null;
  } catch {
    return null;
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
