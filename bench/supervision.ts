// `bun run bench/supervision.ts`: what it costs to supervise eight workers that print 1,000 lines a second each, and how long after a
// worker's death the router knows of it. Reported, not judged: the numbers are the machine's as much as ours.

import { mkdtempSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { outlook } from "../supervisor/diagnose.ts";
import { engines } from "../supervisor/engines/index.ts";
import { followPipe } from "../supervisor/follow_pipe.ts";
import { startFleet } from "../supervisor/fleet.ts";
import { makeEventStream } from "../supervisor/event_stream.ts";
import { makeLogStore } from "../supervisor/log_store.ts";
import { closeFd, makePipe } from "../supervisor/native.ts";
import { newRunId } from "../supervisor/run_identity.ts";
import { fleetDeps, fleetPlan, withFreePorts } from "../tests/supervisor/small_fleet.ts";

const WORKERS = 8;
const LINES_PER_SECOND = 1_000;
const WARM_UP_MS = 5_000;
const MEASURE_MS = 10_000;
const DEATHS = 20;

if (Bun.argv[2] === "print") printLines();
else {
  console.log(await costOfLogs());
  console.log(await deathToRouting());
  process.exit(0);
}

async function costOfLogs(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "pdserve-bench-"));
  const events = makeEventStream();
  let lines = 0;
  events.subscribe(() => lines++);
  const pipes = Array.from({ length: WORKERS }, makePipe);
  const stores = pipes.map((_, index) =>
    makeLogStore({
      ...{ path: join(folder, `${index}.log`), maxBytes: 64 * 2 ** 20, keep: 1, ringLines: 2_000 },
      redact: ["pdserve-a-key-of-this-run"],
      onLine(line) {
        events.emit({ type: "log", worker: "decode-0", line });
        outlook(engines.vllm, line);
      },
      onTrouble: console.error,
    })
  );
  const writers = pipes.map(({ writeFd }) => writeFd);
  const printer = Bun.spawn([process.execPath, import.meta.path, "print"], {
    stdio: ["ignore", "inherit", "inherit", ...writers],
  });
  writers.forEach(closeFd);
  const ended = pipes.map(({ readFd }, index) => followPipe(readFd, (bytes) => stores[index]?.write(bytes)).ended);
  await Bun.sleep(WARM_UP_MS);
  const [cpu, rss, before] = [process.cpuUsage(), process.memoryUsage().rss, lines];
  await Bun.sleep(MEASURE_MS);
  const { user, system } = process.cpuUsage(cpu);
  const grown = process.memoryUsage().rss - rss;
  const perSecond = Math.round((lines - before) / (MEASURE_MS / 1000));
  await Promise.all([printer.exited, ...ended, ...stores.map((store) => store.close())]);
  rmSync(folder, { recursive: true });
  const share = (user + system) / 10 / MEASURE_MS;
  return `logs: ${share.toFixed(2)} % of one core for ${perSecond} lines/s of ${WORKERS} workers; RSS ${
    (grown / 2 ** 20).toFixed(1)
  } MiB more`;
}

/** What vLLM prints most of. */
function printLines(): void {
  const line =
    "(APIServer pid=4711) INFO 11-21 16:02:11 [loggers.py:259] Engine 000: Avg prompt throughput: 120.1 tokens/s, " +
    "Avg generation throughput: 1320.5 tokens/s, Running: 12 reqs, Waiting: 0 reqs, GPU KV cache usage: 12.1%\n";
  const startMs = performance.now();
  const endMs = WARM_UP_MS + MEASURE_MS + 500;
  for (let printed = 0, nowMs = 0; nowMs < endMs; nowMs = performance.now() - startMs) {
    for (const due = nowMs * LINES_PER_SECOND / 1000; printed < due; printed++) {
      for (let fd = 3; fd < 3 + WORKERS; fd++) writeSync(fd, line);
    }
    Bun.sleepSync(1);
  }
}

async function deathToRouting(): Promise<string> {
  const events = makeEventStream();
  const restart = {
    is: "backoff",
    firstMs: 1,
    maxMs: 1,
    giveUpAfter: 1e9,
    withinMs: 1e9,
    jitter: (ms: number) => ms,
  } as const;
  const plan = fleetPlan(await withFreePorts(["prefill-0", "decode-0"]));
  const fleet = startFleet(plan, {
    ...fleetDeps(),
    identity: { runId: newRunId(), initPid: process.pid },
    events,
    restart,
  });
  const tookMs: number[] = [];
  for (let death = 0; death < DEATHS; death++) {
    await untilDecodeIs(fleet, true);
    const pid = fleet.processes()[1]?.process.pid ?? 0;
    const startMs = performance.now();
    process.kill(pid, "SIGKILL");
    await untilDecodeIs(fleet, false);
    tookMs.push(performance.now() - startMs);
  }
  fleet.stop("now");
  await fleet.done;
  tookMs.sort((a, b) => a - b);
  return `death to routing: median ${tookMs[DEATHS / 2]?.toFixed(1)} ms, worst of ${DEATHS} ${
    tookMs.at(-1)?.toFixed(1)
  } ms`;
}

function untilDecodeIs(fleet: ReturnType<typeof startFleet>, ready: boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      const decode = fleet.view.snapshot().workers[1];
      if ((decode?.state.is === "ready") !== ready) return;
      unsubscribe();
      resolve();
    };
    const unsubscribe = fleet.view.subscribe(look);
    look();
  });
}
