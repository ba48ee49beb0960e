// `--detach`: the run goes on in a session of its own; this process only waits until it serves, and says so.

import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type LiveRun } from "../control/find_run.ts";
import { listRuns } from "../control/list_runs.ts";
import { stateDirOf } from "../control/run_dir.ts";
import { selfCommand } from "../supervisor/self_command.ts";
import type { CliContext } from "./context.ts";
import { exitCodes } from "./exit_codes.ts";
import { planSources } from "./plan_sources.ts";
import { readWish } from "./read_wish.ts";
import { waitUntilReady } from "./wait_until_ready.ts";

const LOOK_EVERY_MS = 25;

export async function detachRun(argv: readonly string[], context: CliContext): Promise<number> {
  const { spec } = await readWish(planSources(argv, context));
  const runs = join(stateDirOf(spec.settings.stateDir.value, context.env), "runs");
  mkdirSync(runs, { recursive: true, mode: 0o700 });
  const output = join(runs, `.output-${process.pid}`);
  const { pid, exited } = startDetached(argv, output, context);
  const found = await Promise.race([runOf(pid, join(runs, "..")), exited]);
  if (typeof found === "number") return tellOutput(output, found, context);
  const waited = await waitUntilReady(found, new AbortController().signal);
  // Its own words say more than we heard, and are there although we may have come late.
  if (waited.is !== "ready") return tellOutput(output, await exited, context);
  renameSync(output, join(found.path, "logs", "output.log"));
  context.stdout.write(`${found.run.url}\n`);
  context.stderr.write(`pdserve: running in the background; pdserve stop --name ${found.run.name} ends it\n`);
  return exitCodes.ok;
}

function tellOutput(output: string, exitCode: number, { stderr }: CliContext): number {
  stderr.write(readFileSync(output, "utf8"));
  rmSync(output);
  return exitCode;
}

/** Its own session, so that it outlives this terminal; what it would have shown goes to a file. */
function startDetached(argv: readonly string[], output: string, { env, cwd }: CliContext) {
  const [program = "", ...words] = selfCommand();
  const fd = openSync(output, "w", 0o600);
  const end = argv.includes("--") ? argv.indexOf("--") : argv.length;
  const kept = argv.filter((word, at) => at >= end || !/^--detach(=.*)?$/.test(word));
  const child = spawn(program, [...words, ...kept], {
    ...{ cwd, detached: true, stdio: ["ignore", fd, fd] },
    env: { ...env, PDSERVE_DETACH: "false" },
  });
  closeSync(fd);
  child.unref();
  const exited = new Promise<number>((resolve) => {
    child.on("exit", (code) => resolve(code ?? exitCodes.killed));
    child.on("error", () => resolve(exitCodes.couldNotStart));
  });
  return { pid: child.pid ?? 0, exited };
}

async function runOf(pid: number, stateDir: string): Promise<LiveRun> {
  for (;;) {
    const run = listRuns(stateDir).find((known): known is LiveRun => known.alive && known.run?.pid === pid);
    if (run !== undefined) return run;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
