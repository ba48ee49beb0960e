// The folder of one run: its plan, its processes, its events, its logs and its control socket.

import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import type { FleetEvent } from "../supervisor/events.ts";

export interface RunDir {
  readonly path: string;
  /** At most 107 bytes, as the kernel wants the path of a Unix socket. */
  readonly socketPath: string;
  logPath(worker: string): string;
  /** `plan` as `planJson` makes it: without secrets. */
  writePlan(plan: unknown): void;
  /** Replaces run.json in one step, so that a reader never sees half of it. */
  writeRun(run: RunFile): void;
  /** Log lines are left out, they have files of their own; so is what the plan event repeats of plan.json. */
  appendEvent(event: FleetEvent, atMs: number): void;
  /** Takes away the socket; all else stays for whoever wants to know what happened. */
  close(): void;
}

/** Contract with scripts and other tools: schema 1 only grows. */
export interface RunFile {
  readonly schema: 1;
  readonly run_id: string;
  readonly name: string;
  readonly url: string | null;
  /** Of init; the core's own where the run has no init. */
  readonly pid: number;
  readonly core_pid: number;
  /** Kernel start times in ticks, by pid: a pid with another start time is somebody else's. */
  readonly start_ticks: Readonly<Record<string, number>>;
  readonly control: string;
  readonly workers: readonly {
    readonly name: string;
    readonly pid: number;
    readonly pgid: number;
    /** RFC 3339. */
    readonly started_at: string;
    readonly port: number;
    readonly generation: number;
  }[];
}

/** `--state-dir`, or $XDG_STATE_HOME/pdserve, or ~/.local/state/pdserve. */
export function stateDirOf(given: string | null, env: Readonly<Record<string, string | undefined>>): string {
  return given ?? join(env.XDG_STATE_HOME || join(homedir(), ".local/state"), "pdserve");
}

export function openRunDir(stateDir: string, runId: string): RunDir {
  const runs = join(stateDir, "runs");
  const path = join(runs, runId);
  mkdirSync(join(path, "logs"), { recursive: true, mode: 0o700 });
  // An existing state folder may be open to others; what is inside a run may name secrets of the model or its users.
  chmodSync(path, 0o700);
  pointLatestAt(runs, runId);
  const socketPath = socketPathOf(path, runId);
  return {
    path,
    socketPath,
    logPath: (worker) => join(path, "logs", `${worker}.log`),
    writePlan: (plan) => writePrivate(join(path, "plan.json"), plan),
    writeRun: (run) => writePrivate(join(path, "run.json"), run),
    appendEvent: (event, atMs) => appendEvent(join(path, "events.ndjson"), event, atMs),
    close: () => rmSync(socketPath, { force: true }),
  };
}

function writePrivate(path: string, content: unknown): void {
  const unfinished = `${path}.new`;
  writeFileSync(unfinished, JSON.stringify(content, null, 2) + "\n", { mode: 0o600 });
  renameSync(unfinished, path);
}

function appendEvent(path: string, event: FleetEvent, atMs: number): void {
  if (event.type === "log") return;
  const told = event.type === "plan" ? { type: event.type, planId: event.plan.planId, runDir: event.runDir } : event;
  appendFileSync(path, JSON.stringify({ at: new Date(atMs).toISOString(), ...told }) + "\n", { mode: 0o600 });
}

/** In one step: another run may start at the same time. */
function pointLatestAt(runs: string, runId: string): void {
  const unfinished = join(runs, `.latest-${runId}`);
  if (existsSync(unfinished)) unlinkSync(unfinished);
  symlinkSync(runId, unfinished);
  renameSync(unfinished, join(runs, "latest"));
}

/** sockaddr_un holds 108 bytes, the last one zero (unix(7)); a longer path gets a private folder among the temporary files. */
function socketPathOf(path: string, runId: string): string {
  const wanted = join(path, "control.sock");
  if (Buffer.byteLength(wanted) < 108) return wanted;
  const folder = join(tmpdir(), `pdserve-${runId}`);
  mkdirSync(folder, { mode: 0o700 });
  return join(folder, "control.sock");
}
