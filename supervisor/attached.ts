// Workers that somebody else started: what can be learnt from them, and when they are lost. There is no process to watch, only answers.

import type { Problem } from "../plan/problem.ts";
import { type Clock, sleep } from "./clock.ts";
import { answersOk, type Fetch, getJson } from "./probe.ts";

const LOOK_EVERY_MS = 2_000;
/** One slow answer is no death. */
const MISSES_TO_LOSE = 3;

export interface AttachIo {
  readonly fetch: Fetch;
  readonly clock: Clock;
}

/** Resolves true when a worker that answered does not any more, false when `stopped` is aborted before. */
export async function untilLost(url: string, probePath: string, io: AttachIo, stopped: AbortSignal): Promise<boolean> {
  let misses = 0;
  while (!stopped.aborted) {
    misses = await answersOk(url, probePath, io.fetch, stopped) ? 0 : misses + 1;
    if (misses === MISSES_TO_LOSE) return !stopped.aborted;
    await sleep(io.clock, LOOK_EVERY_MS);
  }
  return false;
}

/** What a running vLLM tells of itself; null for what it does not answer. */
export interface Inspected {
  readonly url: string;
  readonly version: string | null;
  readonly models: readonly string[] | null;
}

export async function inspectAttached(url: string, apiKey: string | null, fetch: Fetch): Promise<Inspected> {
  const [version, models] = await Promise.all([
    getJson<{ readonly version?: string }>(url, "/version", fetch, apiKey),
    getJson<{ readonly data?: readonly { readonly id: string }[] }>(url, "/v1/models", fetch, apiKey),
  ]);
  return { url, version: version?.version ?? null, models: models?.data?.map(({ id }) => id) ?? null };
}

/** Prefill and decode must be the same engine with the same model, or KV means different things on the two sides. */
export function disagreements(workers: readonly Inspected[]): readonly Problem[] {
  const told = (what: string, read: (worker: Inspected) => string | null, severity: Problem["severity"]): Problem[] => {
    const answers = workers.flatMap((worker) => read(worker) === null ? [] : [{ url: worker.url, said: read(worker) }]);
    const odd = answers.find(({ said }) => said !== answers[0]?.said);
    if (odd === undefined) return [];
    return [{
      what: `${odd.url} serves ${what} "${odd.said}", but ${answers[0]?.url} "${answers[0]?.said}"`,
      why: "KV blocks of one are no use to the other",
      fix: `start both with the same ${what}`,
      where: "flags --prefill and --decode",
      severity,
      exitCode: 2,
    }];
  };
  return [
    ...told("model", ({ models }) => models?.[0] ?? null, "error"),
    ...told("vLLM version", ({ version }) => version, "warning"),
  ];
}
