// Which running pdserve does a verb mean?

import { nearestName } from "../kv/nearest_name.ts";
import { type KnownRun, listRuns } from "./list_runs.ts";
import type { RunFile } from "./run_dir.ts";

export interface LiveRun extends KnownRun {
  readonly run: RunFile;
}

export type FoundRun =
  | { readonly is: "found"; readonly run: LiveRun }
  | { readonly is: "none"; readonly last: KnownRun | null }
  | { readonly is: "unknown-name"; readonly names: readonly string[]; readonly nearest: string | null }
  | { readonly is: "several"; readonly names: readonly string[] };

/** `name` is what --name said, or a run's id or its beginning; null takes the only one that runs. */
export function findRun(stateDir: string, name: string | null): FoundRun {
  const runs = listRuns(stateDir);
  const live = runs.filter((run): run is LiveRun => run.alive && run.run !== null);
  const names = live.map(({ run }) => run.name);
  if (live.length === 0) return { is: "none", last: runs[0] ?? null };
  if (name === null) {
    const [only, ...others] = live;
    return only !== undefined && others.length === 0 ? { is: "found", run: only } : { is: "several", names };
  }
  const named = live.find(({ run }) => run.name === name) ?? live.find(({ runId }) => runId.startsWith(name));
  return named === undefined
    ? { is: "unknown-name", names, nearest: nearestName(name, names) }
    : { is: "found", run: named };
}
