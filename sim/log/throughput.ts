// The line every ten seconds that tells what an engine has done since the last one; silent while there is nothing to tell.

import type { Engine } from "../engine/engine.ts";
import type { EngineLog } from "./engine_log.ts";

const INTERVAL_MS = 10_000;

interface Totals {
  readonly computed: number;
  readonly generated: number;
}

/** Goes on as long as the process; does not keep it alive. */
export function sayThroughput(log: EngineLog, engines: readonly Engine[], hasConnector: boolean): void {
  let last = engines.map(totals);
  let wasIdle = true;
  const timer = setInterval(() => {
    const now = engines.map(totals);
    const lines = engines.map((engine, rank) => line(engine, rank, last[rank], now[rank], hasConnector));
    const idle = engines.every((engine, rank) =>
      engine.counts().running === 0 && now[rank]?.generated === last[rank]?.generated
    );
    if (!idle || !wasIdle) lines.forEach((text) => log.line("APIServer", "INFO", "loggers.py:335", text));
    wasIdle = idle;
    last = now;
  }, INTERVAL_MS);
  timer.unref();
}

function totals({ metrics }: Engine): Totals {
  return {
    computed: metrics.number("vllm:prompt_tokens_by_source", "local_compute"),
    generated: metrics.number("vllm:generation_tokens"),
  };
}

function line(
  engine: Engine,
  rank: number,
  before: Totals | undefined,
  after: Totals | undefined,
  hasConnector: boolean,
): string {
  const { metrics, pool } = engine;
  const { running, waiting, loading } = engine.counts();
  const rate = (now = 0, then = 0) => ((now - then) * 1000 / INTERVAL_MS).toFixed(1);
  const hitRate = (family: string) => {
    const queries = metrics.number(`vllm:${family}_queries`);
    return `${(queries === 0 ? 0 : 100 * metrics.number(`vllm:${family}_hits`) / queries).toFixed(1)}%`;
  };
  return `Engine ${String(rank).padStart(3, "0")}: ` +
    `Avg prompt throughput: ${rate(after?.computed, before?.computed)} tokens/s, ` +
    `Avg generation throughput: ${rate(after?.generated, before?.generated)} tokens/s, ` +
    `Running: ${running} reqs, Waiting: ${waiting} reqs, ${loading > 0 ? `Deferred: ${loading} reqs, ` : ""}` +
    `CPU KV cache usage: ${(100 * pool.usage).toFixed(1)}%, Prefix cache hit rate: ${hitRate("prefix_cache")}` +
    (hasConnector ? `, External prefix cache hit rate: ${hitRate("external_prefix_cache")}` : "");
}
