// Is a worker that runs still working? `/health` stays 200 while an engine hangs (seen: vLLM 0.32, EngineCore stopped by SIGSTOP), so its
// counters are watched while it has requests, and when they stand still a request of our own must get a token.

import type { Clock } from "./clock.ts";
import { sleep } from "./clock.ts";
import type { EngineMetrics } from "./engines/engine.ts";
import { answersOk, type Fetch, getText } from "./probe.ts";

/** A token takes milliseconds; a worker that computes a long prompt for others first takes seconds. */
const TOKEN_LIMIT_MS = 30_000;
const LOOKS_PER_LIMIT = 6;
const LONGEST_PAUSE_MS = 10_000;

export interface ProgressIo {
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly apiKey: string | null;
  readonly probePath: string;
  readonly metrics: EngineMetrics;
  /** Requests that the router has on it. */
  readonly busy: () => number;
  /** A trainer holds the engines: nothing of what they do then tells that they hang. */
  readonly isHeld?: () => boolean;
  /** Name of the model for a request of our own; null where a worker does not answer a request without its other leg. */
  readonly model: string | null;
  readonly limitMs: number;
}

/** Resolves with what is wrong with the worker at `url`, or null when `stopped` is aborted before. */
export async function untilHung(url: string, io: ProgressIo, stopped: AbortSignal): Promise<"silent" | "hung" | null> {
  const { clock, limitMs } = io;
  let [aliveMs, counters] = [clock.nowMs(), ""];
  while (!stopped.aborted) {
    await sleep(clock, Math.min(LONGEST_PAUSE_MS, limitMs / LOOKS_PER_LIMIT));
    if (io.isHeld?.() === true) {
      aliveMs = clock.nowMs();
      continue;
    }
    const seen = await look(url, io, stopped);
    if (stopped.aborted) return null;
    if (seen.answers && (!seen.works || seen.counters !== counters)) aliveMs = clock.nowMs();
    counters = seen.counters;
    if (clock.nowMs() - aliveMs < limitMs) continue;
    if (!seen.answers) return "silent";
    if (!await saysHeld(url, io) && !await givesToken(url, io, stopped)) return stopped.aborted ? null : "hung";
    aliveMs = clock.nowMs();
  }
  return null;
}

interface Seen {
  readonly answers: boolean;
  /** It has requests, so its counters must change. */
  readonly works: boolean;
  readonly counters: string;
}

async function look(
  url: string,
  { fetch, apiKey, probePath, metrics, busy, model }: ProgressIo,
  stopped: AbortSignal,
): Promise<Seen> {
  if (busy() === 0) return { answers: await answersOk(url, probePath, fetch, stopped), works: false, counters: "" };
  const text = await getText(url, "/metrics", fetch, apiKey);
  if (text === null) return { answers: false, works: true, counters: "" };
  const { generationTokens, promptTokensBySource, running, waiting, kvUsage } = metrics;
  const samples = [generationTokens, promptTokensBySource, running, waiting, kvUsage].map((name) =>
    samplesOf(text, name)
  );
  // Where no request of our own can tell, a client that does not read must not look like an engine that hangs.
  const works = model !== null || [...samples.slice(2, 4)].some((lines) => / [1-9]/.test(lines));
  return { answers: true, works, counters: samples.join("\n") };
}

function samplesOf(text: string, series: string): string {
  return text.split("\n").filter((line) => line.startsWith(series)).join("\n");
}

/** Trainers also pause engines directly. Source: vLLM's development routes, of which others answer 404. */
async function saysHeld(url: string, { fetch, apiKey }: ProgressIo): Promise<boolean> {
  const answers = await Promise.all(["/is_paused", "/is_sleeping"].map((path) => getText(url, path, fetch, apiKey)));
  return answers.some((text) => /"is_(paused|sleeping)"\s*:\s*true/.test(text ?? ""));
}

async function givesToken(
  url: string,
  { fetch, apiKey, model, limitMs }: ProgressIo,
  stopped: AbortSignal,
): Promise<boolean> {
  if (model === null) return false;
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (apiKey !== null) headers["authorization"] = `Bearer ${apiKey}`;
  const body = JSON.stringify({ model, prompt: "alive", max_tokens: 1 });
  const signal = AbortSignal.any([AbortSignal.timeout(Math.min(TOKEN_LIMIT_MS, limitMs)), stopped]);
  try {
    const answer = await fetch(`${url}/v1/completions`, { method: "POST", headers, body, signal });
    await answer.text();
    // Whatever it says, it says something: a refusal is no hang.
    return true;
  } catch {
    return false;
  }
}
