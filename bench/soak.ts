// Does pdserve stay as it was? Mixed load with aborts and dying workers: `npm run soak -- 30` (minutes).

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildTools } from "./build_tools.ts";
import { type PinnedProcess, startPinned } from "./pinned_process.ts";
import { readSoak, soakHead, soakLine, type SoakReading, soakVerdict } from "./soak_reading.ts";
import { type SoakCounts, startSoakLoad } from "./soak_load.ts";
import { freePort } from "./start_routers.ts";

const cacheDir = join(import.meta.dir, "../.cache/bench");
const binary = join(import.meta.dir, "../dist/pdserve");
const core = 0;
/** One worker dies this often, and is back after `downMs`. */
const restartEveryMs = 7_000;
const downMs = 1_500;
/** Longer than kept-alive sockets rest, towards workers and towards clients. */
const settleMs = 15_000;

interface Worker {
  readonly role: "prefill" | "decode";
  readonly port: number;
  process: PinnedProcess;
}

async function main(minutes: number): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), "pdserve-soak-"));
  const { mockWorker } = buildTools(cacheDir);
  const workers: Worker[] = [];
  for (const role of ["prefill", "prefill", "decode", "decode"] as const) {
    const port = await freePort();
    workers.push({ role, port, process: startWorker(mockWorker, role, port, folder) });
  }
  const port = await freePort();
  const router = startPinned(core, [binary, ...flagsFor(workers, port, folder)], { log: join(folder, "pdserve.log") });
  try {
    await untilReady(port);
    for (const [i, { role, port }] of workers.entries()) if (role === "decode") await configure(port, i + 1);
    return await soak(minutes, port, router, restarter(workers, mockWorker, folder));
  } finally {
    await Promise.all([router, ...workers.map(({ process }) => process)].map((started) => started.stop()));
    rmSync(folder, { recursive: true, force: true });
  }
}

async function soak(
  minutes: number,
  port: number,
  router: PinnedProcess,
  restartOne: () => Promise<void>,
): Promise<boolean> {
  const load = startSoakLoad(port);
  await Bun.sleep(2_000);
  const restarts = setInterval(restartOne, restartEveryMs);
  const readings: SoakReading[] = [];
  const read = async (counts: SoakCounts): Promise<void> => {
    readings.push(await readSoak(readings.length, port, router.pids(), counts));
    console.log(soakLine(readings.at(-1)!));
  };
  console.log(soakHead);
  await read(load.counts());
  for (let minute = 0; minute < minutes; minute++) {
    await Bun.sleep(60_000);
    await read(load.counts());
  }
  clearInterval(restarts);
  await load.stop();
  await Bun.sleep(settleMs);
  await read(load.counts());
  const problems = soakVerdict(readings);
  console.log(problems.length === 0 ? "nothing leaked" : problems.join("\n"));
  return problems.length === 0;
}

function startWorker(program: string, role: Worker["role"], port: number, folder: string): PinnedProcess {
  return startPinned(core, [program, `${role}:${port}`], { log: join(folder, `${port}.log`) });
}

/** Kills the workers in turn, each without a word to its clients, and starts them again on the same port. */
function restarter(workers: readonly Worker[], program: string, folder: string): () => Promise<void> {
  let turn = 0;
  return async () => {
    const worker = workers[turn++ % workers.length]!;
    worker.process.process.kill("SIGKILL");
    await worker.process.process.exited;
    await Bun.sleep(downMs);
    worker.process = startWorker(program, worker.role, worker.port, folder);
    if (worker.role === "decode") await configure(worker.port, turn);
  };
}

/** Now bursts, now streams that last: 40 chunks, 20 ms apart. */
async function configure(port: number, turn: number): Promise<void> {
  const query = turn % 4 < 2 ? "chunks=64&burst=1" : "chunks=40&pace_us=20000";
  for (let tries = 0; tries < 50; tries++) {
    if (await fetch(`http://127.0.0.1:${port}/configure?${query}`).catch(() => null) !== null) return;
    await Bun.sleep(20);
  }
}

function flagsFor(workers: readonly Worker[], port: number, folder: string): string[] {
  const urls = (role: Worker["role"]): string[] =>
    workers.filter((worker) => worker.role === role).flatMap((worker) => [
      `--${role}`,
      `http://127.0.0.1:${worker.port}`,
    ]);
  return [
    ...[...urls("prefill"), ...urls("decode"), "--kv-connector", "NixlConnector", "--no-canary"],
    // The default would leave the worker with the long streams alone.
    ...["--decode-policy", "round_robin"],
    ...["--port", String(port), "--state-dir", folder, "--progress", "quiet"],
    ...["--access-log", join(folder, "access.log")],
  ];
}

async function untilReady(port: number): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    const ready = await fetch(`http://127.0.0.1:${port}/ready`).catch(() => null);
    if (ready?.status === 200) return;
    await Bun.sleep(100);
  }
  throw new Error("pdserve did not become ready within 30 s");
}

const minutes = Number(process.argv[2] ?? 30);
if (!(minutes > 0)) throw new Error(`give minutes, not ${JSON.stringify(process.argv[2])}: npm run soak -- 30`);
process.exit(await main(minutes) ? 0 : 1);
