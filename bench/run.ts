// What pdserve's router costs, side by side with others on this machine: `npm run bench -- --quick`.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, release, tmpdir } from "node:os";
import { join } from "node:path";
import { type BenchOptions, help, readOptions } from "./bench_options.ts";
import { buildTools } from "./build_tools.ts";
import { measure, runLoad, type Running, type Stand } from "./measure.ts";
import { startPinned } from "./pinned_process.ts";
import { overviewTable, ratioTable, scenarioTable } from "./print_table.ts";
import { requestBody } from "./request_body.ts";
import { routers } from "./routers/index.ts";
import type { RouterUnderTest } from "./routers/router_under_test.ts";
import type { Sample } from "./sample.ts";
import { type Scenario, scenarios } from "./scenarios.ts";
import { freePort, type StartedRouter, type StartedRouters, startRouters } from "./start_routers.ts";
import { direct, summarise } from "./summarise.ts";
import { targetTable } from "./targets.ts";

const cacheDir = join(import.meta.dir, "../.cache/bench");
/** What `--quick` may take for all its windows together, and when it stops to repeat noisy ones. */
const quickSeconds = 85;
/** Answers that come at once, and streams: routers have code of their own for each. */
const warmupScenarios = ["saturation", "paced96"];

async function main(options: BenchOptions): Promise<void> {
  const cores = availableParallelism();
  if (cores < 2) throw new Error("bench needs two cores: one for the router, one for the mock workers and the load");
  const tools = buildTools(cacheDir);
  const folder = mkdtempSync(join(tmpdir(), "pdserve-bench-"));
  const [prefillPort, decodePort] = await Promise.all([freePort(), freePort()]);
  const stand: Stand = { load: tools.load, toolsCore: 0, routerCore: cores - 1, prefillPort, decodePort };
  const mock = startPinned(stand.toolsCore, [tools.mockWorker, `prefill:${prefillPort}`, `decode:${decodePort}`], {
    log: join(folder, "mock.log"),
  });
  const wanted = routers.filter((router) => isWanted(router, options));
  let found: StartedRouters = { started: [], skipped: [] };
  try {
    found = await startRouters(wanted, stand, folder);
    for (const line of found.skipped) console.error(`skipped: ${line}`);
    const chosen = scenariosOf(options);
    const samples = await measureAll(options, stand, found, chosen, folder);
    console.log(report(found, chosen, samples));
    if (options.json !== null) writeFileSync(options.json, JSON.stringify(samples, null, 1));
  } finally {
    await Promise.all([mock, ...found.started.map(({ process }) => process)].map((started) => started.stop()));
    rmSync(folder, { recursive: true, force: true });
  }
}

function isWanted({ name, inQuick }: RouterUnderTest, options: BenchOptions): boolean {
  return options.routers.length === 0 ? inQuick || !options.quick : options.routers.includes(name);
}

function scenariosOf({ quick, scenarios: names }: BenchOptions): readonly Scenario[] {
  if (names.length > 0) return scenarios.filter(({ name }) => names.includes(name));
  return scenarios.filter(({ inQuick }) => inQuick || !quick);
}

/** Repetitions are interleaved: the machine drifts, and all routers must drift with it. */
async function measureAll(
  options: BenchOptions,
  stand: Stand,
  { started }: StartedRouters,
  chosen: readonly Scenario[],
  folder: string,
): Promise<readonly Sample[]> {
  const subjects: Running[] = [{ name: direct, port: null, process: null }, ...started];
  const warmupSeconds = started.reduce((sum, router) => sum + router.warmupSeconds, 0);
  const { repeats, seconds } = planWindows(options, subjects.length, warmupSeconds, chosen);
  const until = options.quick ? performance.now() + quickSeconds * 1_000 : Infinity;
  const samples: Sample[] = [];
  await warmUp(stand, started, join(folder, "body.json"));
  const mayRepeat = (): boolean => performance.now() < until;
  for (const scenario of chosen) {
    const bodyPath = join(folder, "body.json");
    writeFileSync(bodyPath, requestBody(scenario));
    await configureMock(stand, scenario);
    const warmup = Math.max(seconds / 3, scenario.staggerMs / 1_000);
    for (let repeat = 0; repeat < repeats; repeat++) {
      for (const subject of subjects) {
        samples.push(await measure(stand, subject, scenario, bodyPath, { warmup, seconds }, mayRepeat));
      }
      console.error(`${scenario.name}: ${repeat + 1} of ${repeats}`);
    }
  }
  return samples;
}

/** Before anything is measured. */
async function warmUp(stand: Stand, started: readonly StartedRouter[], bodyPath: string): Promise<void> {
  const both = scenarios.filter(({ name }) => warmupScenarios.includes(name));
  for (const scenario of both) {
    writeFileSync(bodyPath, requestBody(scenario));
    await configureMock(stand, scenario);
    for (const subject of started) {
      const seconds = subject.warmupSeconds / both.length;
      await runLoad(stand, subject, scenario, bodyPath, { warmup: 0, seconds }, []);
    }
  }
}

function planWindows(
  { quick, repeats, seconds }: BenchOptions,
  subjects: number,
  warmupSeconds: number,
  chosen: readonly Scenario[],
): { repeats: number; seconds: number } {
  if (!quick) return { repeats: repeats ?? 5, seconds: seconds ?? 5 };
  const count = repeats ?? (subjects > 4 ? 2 : 3);
  const windowSeconds = quickSeconds - warmupSeconds;
  const staggers = chosen.reduce((sum, { staggerMs }) => sum + staggerMs / 1_000, 0);
  const each = (windowSeconds / (count * subjects) - staggers) / chosen.length;
  return { repeats: count, seconds: seconds ?? Math.min(2, Math.max(0.4, each / 1.4)) };
}

async function configureMock({ decodePort }: Stand, { mock }: Scenario): Promise<void> {
  const { chunks, chunkBytes, paceUs, burst } = mock;
  const query = `chunks=${chunks}&chunk_bytes=${chunkBytes}&pace_us=${paceUs}&burst=${burst ? 1 : 0}`;
  await fetch(`http://127.0.0.1:${decodePort}/configure?${query}`);
}

function report({ started, skipped }: StartedRouters, chosen: readonly Scenario[], samples: readonly Sample[]): string {
  const summaries = summarise(samples);
  const versions = started.map(({ name, version, hops }) => `${name} ${version}${hops === 1 ? " (one hop)" : ""}`);
  return [
    `Measured ${new Date().toISOString().slice(0, 10)} on ${cpus()[0]?.model ?? "an unknown CPU"}, ` +
    `${availableParallelism()} cores, Linux ${release()}; router on one core. ${versions.join(", ")}.`,
    ...skipped.map((line) => `Skipped: ${line}.`),
    overviewTable(summaries),
    ...chosen.map((scenario) => scenarioTable(scenario, summaries)),
    ratioTable("pdserve", chosen, summaries),
    targetTable("pdserve", summaries),
  ].join("\n\n");
}

mkdirSync(cacheDir, { recursive: true });
if (process.argv.includes("--help")) console.log(help);
else await main(readOptions(process.argv.slice(2)));
