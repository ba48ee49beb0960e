// Runs the compiled binary as a user would, and proves afterwards that it left nothing behind.

import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const binary = process.env.PDSERVE_BINARY ?? join(import.meta.dir, "../../dist/pdserve");

/** One line of `--progress json`. */
export type ProgressEvent = { readonly type: string } & Readonly<Record<string, unknown>>;

export interface RunningPdserve {
  readonly url: string;
  readonly runId: string;
  readonly runDir: string;
  readonly initPid: number;
  readonly corePid: number;
  readonly events: readonly ProgressEvent[];
  /** Resolves at the first event that fits, past ones included; fails when the process ends without one. */
  waitFor(fits: (event: ProgressEvent) => boolean): Promise<ProgressEvent>;
  signal(name: NodeJS.Signals): void;
  readonly exited: Promise<number>;
  /** SIGTERM, then waits for the end. */
  stop(): Promise<number>;
}

export interface Finished {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A fresh state folder per call; PDSERVE_* of the caller's own environment does not reach the binary. */
function cleanEnvironment(stateDir: string, extra: Readonly<Record<string, string>>): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name]) => !/^(PDSERVE_|VLLM_|CUDA_VISIBLE)/.test(name));
  return { ...Object.fromEntries(kept) as Record<string, string>, XDG_STATE_HOME: stateDir, NO_COLOR: "1", ...extra };
}

/** For commands that end by themselves: `plan`, `config`, `--help`, and starts that are meant to fail. */
export async function runToEnd(
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>>; readonly binaryPath?: string } =
    {},
): Promise<Finished> {
  const stateDir = mkdtempSync(join(tmpdir(), "pdserve-e2e-"));
  const child = Bun.spawn([options.binaryPath ?? binary, ...args], {
    cwd: options.cwd ?? stateDir,
    env: cleanEnvironment(stateDir, options.env ?? {}),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  rmSync(stateDir, { recursive: true, force: true });
  return { exitCode, stdout, stderr };
}

/** Starts `pdserve …args --progress json` and resolves when it says ready (or as soon as a worker starts, with `until: "started"`). */
export async function startPdserve(args: readonly string[], options: StartOptions = {}): Promise<RunningPdserve> {
  for (let attempt = 1;; attempt++) {
    try {
      return await startOnce(args, options);
    } catch (error) {
      // Exit code 75: another start took a port between the plan and the hold; trying again is what it means.
      if (attempt === 3 || !String(error).includes("pdserve ended with 75")) throw error;
    }
  }
}

interface StartOptions {
  readonly until?: "ready" | "started";
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** The --state-dir among the arguments, where it is given. */
  readonly stateDir?: string;
  /** In a session of its own, without a terminal, as under a service manager. */
  readonly detached?: boolean;
}

async function startOnce(args: readonly string[], options: StartOptions): Promise<RunningPdserve> {
  const stateDir = mkdtempSync(join(tmpdir(), "pdserve-e2e-"));
  const child = Bun.spawn([binary, "--progress", "json", ...args], {
    cwd: options.cwd ?? stateDir,
    env: cleanEnvironment(stateDir, options.env ?? {}),
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    detached: options.detached ?? false,
  });
  const log = followEvents(child.stderr);
  const ended = child.exited.then((code) => {
    log.end(code);
    return code;
  });
  const wanted = options.until === "started" ? "worker" : "ready";
  await log.waitFor((event) => event.type === wanted);

  const runDir = newestRun(options.stateDir ?? join(stateDir, "pdserve"));
  // Written a moment after the first worker's event.
  while (!existsSync(join(runDir, "run.json"))) await Bun.sleep(10);
  const run = JSON.parse(readFileSync(join(runDir, "run.json"), "utf8"));
  return {
    url: run.url,
    runId: run.run_id,
    runDir,
    initPid: run.pid,
    corePid: run.core_pid,
    events: log.events,
    waitFor: log.waitFor,
    signal: (name) => child.kill(name),
    exited: ended,
    stop: () => {
      child.kill("SIGTERM");
      return ended;
    },
  };
}

/** Pids of processes that carry the run's id and are not yet zombies. */
export function processesOf(runId: string): readonly number[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    try {
      if (/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))) return false;
      return readFileSync(`/proc/${pid}/environ`, "latin1").split("\0").includes(`PDSERVE_RUN_ID=${runId}`);
    } catch {
      return false;
    }
  });
}

/** Resolves when no process of the run is left; the test's own time limit ends a wait that never does. */
export async function untilGone(runId: string): Promise<void> {
  while (processesOf(runId).length > 0) await Bun.sleep(20);
}

/** Ends whatever a failed test has left. */
export function killRun(runId: string): void {
  for (const pid of processesOf(runId)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // gone in between
    }
  }
}

function newestRun(stateDir: string): string {
  const latest = join(stateDir, "runs/latest");
  if (!existsSync(latest)) throw new Error(`no run directory under ${stateDir}`);
  return realpathSync(latest);
}

function followEvents(stream: ReadableStream<Uint8Array>) {
  const events: ProgressEvent[] = [];
  const other: string[] = [];
  const waiting = new Set<
    { fits: (e: ProgressEvent) => boolean; ok: (e: ProgressEvent) => void; no: (e: Error) => void }
  >();
  const take = (line: string) => {
    const event = parse(line);
    if (event === null) {
      other.push(line);
      return;
    }
    events.push(event);
    for (const wait of [...waiting]) {
      if (!wait.fits(event)) continue;
      waiting.delete(wait);
      wait.ok(event);
    }
  };
  const read = (async () => {
    let rest = "";
    for await (
      const chunk of stream.pipeThrough(new TextDecoderStream() as unknown as TransformStream<Uint8Array, string>)
    ) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      lines.forEach(take);
    }
    if (rest !== "") take(rest);
  })();
  return {
    events,
    waitFor: (fits: (event: ProgressEvent) => boolean) => {
      const past = events.find(fits);
      if (past !== undefined) return Promise.resolve(past);
      return new Promise<ProgressEvent>((ok, no) => waiting.add({ fits, ok, no }));
    },
    end: (code: number) => {
      read.then(() => {
        const told = [...other, ...events.map((event) => JSON.stringify(event))].slice(-40).join("\n");
        for (const wait of waiting) {
          wait.no(new Error(`pdserve ended with ${code} before that event; it said:\n${told}`));
        }
      });
    },
  };
}

function parse(line: string): ProgressEvent | null {
  try {
    const value = JSON.parse(line);
    return typeof value?.type === "string" ? value : null;
  } catch {
    return null;
  }
}
