// What pdserve answers itself: is it alive, is it ready, what does it serve, how is it doing.

import { mergeMetrics } from "./merge_metrics.ts";
import { noWorkerReady, whyNotReady } from "./no_worker.ts";
import type { Slot } from "./roster.ts";
import type { RouterIo } from "./router_io.ts";
import { getFromWorker } from "./worker_get.ts";

const WORKER_LIMIT_MS = 2_000;

/** 200 when a request would be served, else 503 with the reason. */
export function readiness(io: RouterIo): Response {
  const reason = whyNotReady(io.roster);
  const workers = io.roster.all().map(({ name, worker }) => {
    return { name, role: worker.facts.role, state: worker.state.is };
  });
  const body = JSON.stringify({ ready: reason === null, reason, workers });
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (reason !== null) headers["retry-after"] = String(noWorkerReady(io).retryAfterSeconds);
  return new Response(body, { status: reason === null ? 200 : 503, headers });
}

export function version({ settings }: RouterIo): Response {
  const { engine, pdserveVersion } = settings;
  // `version` alone is what vLLM says, so its clients find what they look for.
  return Response.json({ version: engine.version, engine: engine.name, pdserve: pdserveVersion });
}

/**
 * The workers' own cards, which know context lengths and adapters: those of a decode worker, and what others have beside
 * them, LoRA names included. The served name alone while none can be asked.
 */
export async function models(io: RouterIo): Promise<Response> {
  const { roster, settings } = io;
  const askable = [...roster.decode, ...roster.regular];
  const slots = askable.length > 0 ? askable : roster.prefill.slice(0, 1);
  const lists = await Promise.all(slots.map((slot) => cardsOf(slot, io)));
  const cards = new Map(lists.flat().toReversed().map((card) => [card.id, card]));
  if (cards.size > 0) return Response.json({ object: "list", data: [...cards.values()].toReversed() });
  const id = settings.servedModelName;
  const card = { id, object: "model", created: 0, owned_by: "pdserve", root: id, parent: null, max_model_len: null };
  return Response.json({ object: "list", data: [card] });
}

type Card = { readonly id: string };

async function cardsOf({ worker }: Slot, { upstream, roster }: RouterIo): Promise<readonly Card[]> {
  const where = { url: worker.url, path: "/v1/models", apiKey: roster.workerApiKey, limitMs: WORKER_LIMIT_MS };
  const answer = await getFromWorker(upstream, where);
  if (answer.is === "failed" || answer.status !== 200) return [];
  try {
    const { data } = JSON.parse(answer.text) as { data: readonly Card[] };
    return data.filter((card) => typeof card.id === "string");
  } catch {
    return [];
  }
}

/** The router's own series; with `?workers=1` all workers' too, merged, each sample labelled with its worker and role. */
export async function metricsText(io: RouterIo, withWorkers: boolean): Promise<Response> {
  await io.siblings?.ask();
  const own = io.metrics.text();
  const theirs = withWorkers ? await Promise.all(io.roster.all().map((slot) => workerText(slot, io))) : [];
  const silent = theirs.filter(({ text }) => text === null).map(({ worker }) => `# ${worker} gave no metrics\n`);
  const merged = mergeMetrics(theirs.flatMap(({ text, ...rest }) => text === null ? [] : [{ ...rest, text }]));
  const headers = { "content-type": "text/plain; version=0.0.4; charset=utf-8" };
  return new Response(own + silent.join("") + merged, { headers });
}

async function workerText({ name, worker }: Slot, io: RouterIo) {
  const apiKey = io.roster.workerApiKey;
  const where = { url: worker.url, path: "/metrics", apiKey, limitMs: WORKER_LIMIT_MS };
  const answer = await getFromWorker(io.upstream, where);
  const text = answer.is === "failed" || answer.status !== 200 ? null : answer.text;
  return { worker: name, role: worker.facts.role, text };
}
