// A fleet of simulated 4P4D under load, to which things happen at random; what its clients saw, and what it left.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../plain_engine.ts";
import { killRun, processesOf, type RunningPdserve, startPdserve } from "../run_pdserve.ts";
import { acts, post, settingsText, workersOf } from "./acts.ts";
import { rollDice } from "./dice.ts";
import { askAndJudge, textOf } from "./judge.ts";

export interface StormOptions {
  readonly seed: number;
  readonly durationMs: number;
  readonly topology: string;
  readonly clients: number;
  /** Router processes on the one port; 1 when left out. */
  readonly routers?: number;
  /** Told of each act. */
  readonly onAct: (text: string) => void;
}

export interface StormReport {
  readonly seed: number;
  readonly acts: Readonly<Record<string, number>>;
  readonly requests: number;
  readonly right: number;
  /** Error statuses and broken streams, each with its cause. */
  readonly causes: Readonly<Record<string, number>>;
  /** What must never be; empty when all is well. */
  readonly wrong: readonly string[];
  /** Of the core, in MiB: after a third of the time, and at the end. */
  readonly rssMiB: { readonly early: number; readonly late: number };
  readonly restarts: number;
}

const PROMPTS = 24;
const RECOVERY_LIMIT_MS = 90_000;
/** Before, what the runtime keeps for itself is not settled. */
const RSS_COUNTS_MS = 120_000;

export async function runStorm(options: StormOptions): Promise<StormReport> {
  const folder = mkdtempSync(join(tmpdir(), "pdserve-chaos-"));
  const settingsFile = join(folder, "pdserve.yaml");
  writeFileSync(settingsFile, settingsText(options.topology, 32, 100));
  const run = await startPdserve([
    ...["demo-model", "--engine", "sim", "--port", String(await freePort())],
    ...["--router-procs", String(options.routers ?? 1)],
    ...["--hang-timeout", "3s", "--drain-timeout", "3s", "--max-failures", "100000", "--config", settingsFile],
    ...["--idle-timeout", "20s", "--first-token-timeout", "20s", "--prefill-timeout", "20s"],
    ...["--", "--sim-startup-ms", "50", "--sim-decode-ms-per-token", "4", "--sim-death-ms", "100"],
  ], { cwd: folder });
  try {
    return await stormOver(run, settingsFile, options);
  } finally {
    killRun(run.runId);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function stormOver(run: RunningPdserve, settingsFile: string, options: StormOptions): Promise<StormReport> {
  const dice = rollDice(options.seed);
  const tally = { requests: 0, right: 0, causes: {} as Record<string, number>, wrong: [] as string[] };
  const expected: string[] = [];
  for (let n = 0; n < PROMPTS; n++) expected.push(await textOf(run.url, promptOf(n)));

  const storm = { isOver: false };
  const clients = Array.from({ length: options.clients }, (_, n) => load(run, expected, n, storm, tally));
  const done: Record<string, number> = {};
  const endMs = performance.now() + options.durationMs;
  let early = 0;
  while (performance.now() < endMs) {
    const name = dice.pick(Object.keys(acts));
    const text = await acts[name]?.({ run, dice, settingsFile, topology: options.topology });
    options.onAct(`${name}: ${text}`);
    done[name] = (done[name] ?? 0) + 1;
    if (early === 0 && endMs - performance.now() < options.durationMs * 2 / 3) early = rssMiB(run.corePid);
    await Bun.sleep(dice.between(100, 900));
  }
  storm.isOver = true;
  await Promise.all(clients);
  tally.wrong.push(...await calmAfter(run, expected));
  const late = rssMiB(run.corePid);
  if (options.durationMs >= RSS_COUNTS_MS && late > early * 1.5 + 32) {
    tally.wrong.push(`RSS grew from ${early} to ${late} MiB`);
  }
  const restarts = workersOf(run).reduce((sum, worker) => sum + (worker as { generation?: number }).generation! - 1, 0);
  if (await run.stop() !== 0) tally.wrong.push("the run did not end with exit code 0");
  const left = processesOf(run.runId);
  if (left.length > 0) tally.wrong.push(`processes ${left.join(", ")} are left`);
  return { seed: options.seed, acts: done, ...tally, rssMiB: { early, late }, restarts };
}

function promptOf(n: number): string {
  return `The ${n}th question of many, long enough to fill a block of sixteen tokens or two: what becomes of a request whose worker dies?`;
}

type Tally = { requests: number; right: number; readonly causes: Record<string, number>; readonly wrong: string[] };

async function load(
  { url }: RunningPdserve,
  expected: readonly string[],
  client: number,
  storm: { readonly isOver: boolean },
  tally: Tally,
): Promise<void> {
  for (let n = client; !storm.isOver; n++) {
    const at = n % PROMPTS;
    const ending = await askAndJudge(url, { prompt: promptOf(at), stream: n % 2 === 0 }, expected[at] ?? null);
    tally.requests++;
    if (ending.is === "right") tally.right++;
    else if (ending.is === "wrong") tally.wrong.push(ending.what);
    else {
      const cause = `${ending.is}: ${ending.cause}`;
      tally.causes[cause] = (tally.causes[cause] ?? 0) + 1;
      // As a client should that is told to come back later.
      if (ending.is === "refused") await Bun.sleep(50);
    }
  }
}

/** All workers must come back by themselves, and then everything must be right again, with nothing held. */
async function calmAfter(run: RunningPdserve, expected: readonly string[]): Promise<string[]> {
  for (const { name } of workersOf(run)) await post(run, `/workers/${name}/undrain`);
  for (const { port } of workersOf(run)) {
    const init = { method: "POST", body: JSON.stringify({ dieAfterTokens: 0, errorRequests: 0, failTransfers: 0 }) };
    await fetch(`http://127.0.0.1:${port}/sim/faults`, { ...init, signal: AbortSignal.timeout(1_000) }).catch(() => {});
  }
  const wrong: string[] = [];
  const endMs = performance.now() + RECOVERY_LIMIT_MS;
  for (let round = 0; round < 2; round++) {
    while ((await state(run)).verdict !== "ready" && performance.now() < endMs) {
      // A worker that was made to hang shows it only to somebody who asks.
      await askAndJudge(run.url, { prompt: promptOf(0), stream: false }, null);
    }
    for (const [n, text] of expected.entries()) {
      const ending = await askAndJudge(run.url, { prompt: promptOf(n), stream: false }, text);
      if (ending.is !== "right" && round === 1) wrong.push(`after the storm: ${JSON.stringify(ending)}`);
    }
  }
  const { verdict, reason, in_flight: inFlight } = await state(run);
  if (verdict !== "ready") wrong.push(`after the storm the run is ${verdict}: ${reason}`);
  if (inFlight !== 0) wrong.push(`${inFlight} requests are still counted as in flight`);
  return wrong;
}

interface State {
  readonly verdict: string;
  readonly reason: string | null;
  readonly in_flight: number;
}

async function state({ runDir }: RunningPdserve): Promise<State> {
  return await (await fetch("http://pdserve/state", { unix: join(runDir, "control.sock") })).json() as State;
}

function rssMiB(pid: number): number {
  const kiB = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? "0";
  return Math.round(Number(kiB) / 1024);
}
