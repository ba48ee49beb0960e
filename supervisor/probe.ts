// Asks a worker over HTTP, and asks again until it serves.

import { type Clock, sleep } from "./clock.ts";

const ANSWER_LIMIT_MS = 2_000;

/** The part of `fetch` that asking needs; `unix` is the socket's path. */
export type Fetch = (url: string, init: AskInit) => Promise<Response>;

interface AskInit {
  readonly method?: "POST";
  readonly body?: string;
  readonly signal: AbortSignal;
  readonly headers?: Record<string, string>;
  readonly unix?: string;
}

/** Resolves true at the first answer 200, false when `stopped` is aborted before. `url` may be `unix:/path`. */
export async function untilHealthy(
  url: string,
  path: string,
  io: { readonly fetch: Fetch; readonly clock: Clock },
  stopped: AbortSignal,
  limitMs = ANSWER_LIMIT_MS,
): Promise<boolean> {
  const startedMs = io.clock.nowMs();
  while (!stopped.aborted) {
    if (await answersOk(url, path, io.fetch, stopped, limitMs)) return !stopped.aborted;
    await sleep(io.clock, pauseMs(io.clock.nowMs() - startedMs));
  }
  return false;
}

export async function answersOk(
  url: string,
  path: string,
  fetch: Fetch,
  stopped?: AbortSignal,
  limitMs = ANSWER_LIMIT_MS,
): Promise<boolean> {
  try {
    const limit = AbortSignal.timeout(limitMs);
    const signal = stopped === undefined ? limit : AbortSignal.any([limit, stopped]);
    const answer = await ask(url, path, fetch, { signal });
    await answer.body?.cancel();
    return answer.status === 200;
  } catch {
    // Refused, reset or too slow: not serving yet.
    return false;
  }
}

/** The answer's text, or null when there is none with a 2xx status within the limit. */
export async function getText(url: string, path: string, fetch: Fetch, apiKey: string | null): Promise<string | null> {
  const headers: Record<string, string> = apiKey === null ? {} : { authorization: `Bearer ${apiKey}` };
  try {
    const answer = await ask(url, path, fetch, { signal: AbortSignal.timeout(ANSWER_LIMIT_MS), headers });
    const text = await answer.text();
    return answer.ok ? text : null;
  } catch {
    return null;
  }
}

/** The answer's JSON, or null when there is none with a 2xx status within the limit. */
export async function getJson<T>(url: string, path: string, fetch: Fetch, apiKey: string | null): Promise<T | null> {
  const text = await getText(url, path, fetch, apiKey);
  try {
    return text === null ? null : JSON.parse(text) as T;
  } catch {
    return null;
  }
}

/** Often at first, for a small model is up in a second; once a second for one that loads for minutes. */
export function pauseMs(sinceStartMs: number): number {
  return Math.min(1_000, Math.max(50, sinceStartMs / 20));
}

function ask(url: string, path: string, fetch: Fetch, init: AskInit): Promise<Response> {
  if (!url.startsWith("unix:")) return fetch(url + path, init);
  return fetch(`http://localhost${path}`, { ...init, unix: url.slice("unix:".length).replace(/^\/\//, "") });
}
