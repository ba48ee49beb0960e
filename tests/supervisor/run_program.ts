// Starts a program that prints fleet events, and follows it.

import { afterEach } from "bun:test";
import { join } from "node:path";
import { killNow } from "../../supervisor/kill_tree.ts";
import { processesOfRun, type ProcessInfo } from "../../supervisor/process_tree.ts";
import { withFreePorts } from "./small_fleet.ts";

interface Line {
  readonly type: string;
  readonly [member: string]: unknown;
}

export interface RunProgram {
  /** Of init, which leads a process group of its own, as a shell would start it. */
  readonly pid: number;
  readonly corePid: number;
  readonly runId: string;
  readonly lines: readonly Line[];
  /** The exit code, or the signal that ended init. */
  readonly ended: Promise<number | string>;
  /** The first line, past or to come, that `wanted` accepts; rejects when the program ends without one. */
  line(wanted: (line: Line) => boolean): Promise<Line>;
}

const program = join(import.meta.dir, "../fixtures/programs/run.ts");
const started: RunProgram[] = [];

/** Whatever a test does, nothing of its runs survives it. */
export function cleanUpAfterEach(): void {
  afterEach(() => {
    for (const { runId } of started.splice(0)) killNow(() => livingOf(runId), 5_000);
  });
}

export function livingOf(runId: string): readonly ProcessInfo[] {
  return processesOfRun(runId, null).filter(({ pid }) => pid !== process.pid);
}

/** `workers` are `name=manner+manner`. */
export async function startRun(workers: readonly string[]): Promise<RunProgram> {
  const init = Bun.spawn({
    cmd: [process.execPath, "run", program, ...await withFreePorts(workers)],
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  const lines: Line[] = [];
  const waiting = new Set<() => void>();
  const output = (async () => {
    let text = "";
    for await (const chunk of init.stdout) {
      const parts = (text + new TextDecoder().decode(chunk)).split("\n");
      text = parts.pop() ?? "";
      lines.push(...parts.map((part): Line => JSON.parse(part)));
      for (const look of waiting) look();
    }
  })();
  const line = (wanted: (line: Line) => boolean) => {
    const { promise, resolve, reject } = Promise.withResolvers<Line>();
    const look = () => {
      const found = lines.find(wanted);
      if (found !== undefined) resolve(found);
    };
    waiting.add(look);
    look();
    void output.then(() =>
      reject(new Error(`Not seen: ${wanted}\n${lines.map((one) => JSON.stringify(one)).join("\n")}`))
    );
    return promise.finally(() => waiting.delete(look));
  };
  const ended = init.exited.then(() => init.signalCode ?? init.exitCode ?? -1);
  const core = await line(({ type }) => type === "core");
  const run = { pid: init.pid, corePid: Number(core.pid), runId: String(core.runId), lines, ended, line };
  started.push(run);
  return run;
}

/** Resolves when no process of the run is left. */
export async function untilNoneIsLeft(runId: string): Promise<void> {
  while (livingOf(runId).length > 0) await aMoment();
}

/** Resolves when at least `count` processes of the run live. */
export async function untilSoManyLive(runId: string, count: number): Promise<void> {
  while (livingOf(runId).length < count) await aMoment();
}

/** The kernel tells nobody of processes that are not his children. */
function aMoment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}
