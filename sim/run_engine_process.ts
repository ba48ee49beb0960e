// One engine process from its first log line to its exit code: start-up, serving, signals, death.

import { createHash, randomBytes } from "node:crypto";
import type { ApiServer } from "./api/api_server.ts";
import { newMediaCounts } from "./api/encoded_media.ts";
import { Engine } from "./engine/engine.ts";
import { makeConnector } from "./connectors/index.ts";
import { makeRequestHistory } from "./http/request_history.ts";
import { type HttpServer, serveHttp } from "./http/serve.ts";
import { BlockPool } from "./kv/block_pool.ts";
import { type EngineLog, makeEngineLog } from "./log/engine_log.ts";
import { sayDied, sayStopped, sayStopping, sayWaitingForConnections } from "./log/shutdown_lines.ts";
import { listeningLines, type StartLine, startLines } from "./log/startup_lines.ts";
import { sayThroughput } from "./log/throughput.ts";
import { EngineMetrics } from "./metrics/engine_metrics.ts";
import type { Family } from "./metrics/families.ts";
import { HttpMetrics } from "./metrics/http_metrics.ts";
import { shownFamilies } from "./metrics/metrics_page.ts";
import { httpPortProblem } from "./http/port_problem.ts";
import { type Orphan, startOrphan } from "./orphan.ts";
import { pythonError } from "./settings/read_settings.ts";
import type { SimSettings } from "./settings/settings.ts";
import { makeViolations, type Violations } from "./violations.ts";

interface ProcessParts {
  readonly settings: SimSettings;
  readonly log: EngineLog;
  readonly violations: Violations;
  readonly families: readonly Family[];
  readonly exit: (code: number) => void;
}

export async function runEngineProcess(settings: SimSettings): Promise<number> {
  const { promise: exited, resolve: exit } = Promise.withResolvers<number>();
  const sink = {
    out: (text: string) => void process.stdout.write(text),
    err: (text: string) => void process.stderr.write(text),
  };
  const log = makeEngineLog(sink, process.pid, () => new Date());
  const violations = makeViolations(Date.now, (text) => log.line("EngineCore", "ERROR", "sim.py:1", text));
  const parts: ProcessParts = { settings, log, violations, families: shownFamilies(settings), exit };
  const orphan = startOrphan(settings.faults.orphan);
  const stopListeningToSignals = onStopSignal(() => {
    if (!settings.faults.ignoreSigterm) exit(130);
  });
  start(parts, orphan, stopListeningToSignals).catch((error) => {
    log.plain(pythonError(`OSError: ${error}`).stderr);
    exit(1);
  });
  const code = await exited;
  stopListeningToSignals();
  return code;
}

async function start(parts: ProcessParts, orphan: Orphan | null, forgetEarlySignals: () => void): Promise<void> {
  const { settings, log, exit } = parts;
  const [config, engineStart] = partition(startLines(settings, settings.connector?.engineId ?? ""), 0.1);
  const { startupMs } = settings.pace;
  await say(log, config, startupMs);
  const taken = await httpPortProblem(settings.host, settings.port);
  if (taken) {
    log.plain(taken);
    return exit(1);
  }
  await say(log, engineStart, startupMs);
  const engines = makeEngines(parts, () => void dieSlowly(parts, orphan));
  for (const engine of engines) {
    const started = await engine.connector?.start();
    if (!started || started.kind === "ready") continue;
    log.plain(started.stderr);
    return started.kind === "failed" ? exit(1) : keepProcess();
  }
  if (settings.faults.neverHealthy) return keepProcess();
  await say(log, listeningLines(settings, process.pid), 0);
  const server = apiServer(parts, engines);
  const http = await serveHttp(server);
  sayThroughput(log, engines, settings.connector !== null);
  forgetEarlySignals();
  onStopSignal(() => {
    if (!settings.faults.ignoreSigterm) void stop(parts, engines, http, orphan);
  });
}

function makeEngines({ settings, log, violations, families }: ProcessParts, died: () => void): readonly Engine[] {
  const { connector, parallel, faults } = settings;
  return Array.from({ length: parallel.dp }, (_, rank) => {
    const pool = new BlockPool(settings.kvBlocks, settings.blockSize);
    const metrics = new EngineMetrics(families, Date.now());
    const sleep = (ms: number) => ms > 0 ? Bun.sleep(ms) : new Promise<void>((resolve) => setImmediate(resolve));
    const engine = new Engine({ settings, pool, metrics, log, faults, now: Date.now, sleep, died });
    engine.connect(
      connector && makeConnector({
        settings,
        connector,
        engineId: parallel.dp > 1 ? `${connector.engineId}_dp${rank}` : connector.engineId,
        rank,
        pool,
        metrics,
        log,
        violations,
        now: Date.now,
        release: (blockIds) => engine.release(blockIds),
        die: (error) => engine.die(error),
      }),
    );
    return engine;
  });
}

function apiServer({ settings, log, violations, families, exit }: ProcessParts, engines: readonly Engine[]): ApiServer {
  const configuration = JSON.stringify([settings.model, settings.dtype, settings.parallel, settings.connector?.name]);
  const hash = createHash("sha256").update(configuration).digest("hex").slice(0, 8);
  return {
    settings,
    engines,
    families,
    httpMetrics: new HttpMetrics(Date.now()),
    log,
    violations,
    history: makeRequestHistory(),
    media: newMediaCounts(),
    fingerprint: `vllm-${settings.vllmVersion}${ranks(settings)}-${hash}`,
    now: Date.now,
    randomHex: (digits) => randomBytes(Math.ceil(digits / 2)).toString("hex").slice(0, digits),
    exit,
  };
}

/** The sizes above 1, e.g. `-tp2`. */
function ranks({ parallel }: SimSettings): string {
  return Object.entries(parallel).map(([name, size]) => (size > 1 ? `-${name}${size}` : "")).join("");
}

/** SIGTERM: requests in flight end with abort, then exit code 0; or, as often in vLLM, streams hang until clients leave. */
async function stop(
  { settings, log, exit }: ProcessParts,
  engines: readonly Engine[],
  http: HttpServer,
  orphan: Orphan | null,
): Promise<void> {
  http.stopListening();
  const hung = settings.faults.sigterm === "hung";
  if (hung) settings.faults.hang = true;
  const aborted = hung ? 0 : engines.reduce((sum, engine) => sum + engine.abortAll(), 0);
  sayStopping(log, process.pid, aborted);
  if (hung && http.openRequests() > 0) sayWaitingForConnections(log);
  while (http.openRequests() > 0) await Bun.sleep(10);
  // The last frames are in the socket buffers; give them the time to leave.
  if (aborted > 0) await Bun.sleep(20);
  for (const engine of engines) engine.connector?.stop();
  sayStopped(log);
  orphan?.end();
  exit(0);
}

async function dieSlowly({ settings, log, exit }: ProcessParts, orphan: Orphan | null): Promise<void> {
  await Bun.sleep(settings.pace.deathMs);
  sayDied(log, process.pid);
  orphan?.end();
  exit(0);
}

async function say(log: EngineLog, lines: readonly StartLine[], totalMs: number): Promise<void> {
  let at = lines[0]?.at ?? 0;
  for (const line of lines) {
    const waitMs = (line.at - at) * totalMs + (line.waitMs ?? 0);
    if (waitMs > 0) await Bun.sleep(waitMs);
    at = line.at;
    if (line.from) log.line(line.from.speaker, line.from.level, line.from.place, line.text);
    else log.plain(line.text);
  }
}

function partition(lines: readonly StartLine[], upTo: number): readonly [readonly StartLine[], readonly StartLine[]] {
  return [lines.filter(({ at }) => at < upTo), lines.filter(({ at }) => at >= upTo)];
}

/** Never healthy, never gone. */
function keepProcess(): void {
  setInterval(() => {}, 60_000);
}

function onStopSignal(callback: () => void): () => void {
  process.on("SIGTERM", callback);
  process.on("SIGINT", callback);
  return () => {
    process.off("SIGTERM", callback);
    process.off("SIGINT", callback);
  };
}
