// Keeps run.json and events.ndjson as the fleet is.

import type { Clock } from "../supervisor/clock.ts";
import type { FleetEvents } from "../supervisor/event_stream.ts";
import type { Fleet } from "../supervisor/fleet.ts";
import { readProcess } from "../supervisor/process_tree.ts";
import type { RunDir, RunFile } from "./run_dir.ts";

export interface RunFacts {
  readonly runId: string;
  readonly name: string;
  readonly url: string;
  /** Null where the run has no init. */
  readonly initPid: number | null;
}

/** Writes run.json now and whenever a worker's process changes; returns how to end that. */
export function recordProcesses(runDir: RunDir, facts: RunFacts, fleet: Pick<Fleet, "view" | "processes">): () => void {
  let written = "";
  const write = () => {
    const run = runFile(runDir, facts, fleet);
    const text = JSON.stringify(run);
    if (text === written) return;
    written = text;
    runDir.writeRun(run);
  };
  write();
  return fleet.view.subscribe(write);
}

/** Serving goes on when the disk is full; `onFull` is called once. */
export function recordEvents(
  runDir: RunDir,
  events: FleetEvents,
  clock: Clock,
  onFull: (why: string) => void,
): () => void {
  const stop = events.subscribe((event) => {
    try {
      runDir.appendEvent(event, clock.nowMs());
    } catch (error) {
      stop();
      onFull(error instanceof Error ? error.message : String(error));
    }
  });
  return stop;
}

function runFile(
  { socketPath }: RunDir,
  { runId, name, url, initPid }: RunFacts,
  fleet: Pick<Fleet, "processes">,
): RunFile {
  const processes = fleet.processes();
  const workers = processes.map(({ name, port, process: { pid, pgid, startedAtMs, generation } }) => {
    return { name, pid, pgid, started_at: new Date(startedAtMs).toISOString(), port, generation };
  });
  const ours = [initPid, process.pid].filter((pid) => pid !== null)
    .map((pid): [string, number] => [String(pid), readProcess(pid)?.startTicks ?? 0]);
  const theirs = processes.map(({ process }): [string, number] => [String(process.pid), process.startTicks]);
  return {
    schema: 1,
    run_id: runId,
    name,
    url,
    pid: initPid ?? process.pid,
    core_pid: process.pid,
    start_ticks: Object.fromEntries([...ours, ...theirs]),
    control: socketPath,
    workers,
  };
}
