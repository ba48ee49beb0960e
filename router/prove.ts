// Does KV really move between two workers? One request through the router's own path, judged by the engines' counters:
// a wrong wiring often still answers, because decode silently computes the prompt again.

import type { DecodeLeg } from "../kv/connector.ts";
import type { EngineMetrics } from "../supervisor/engines/engine.ts";
import type { PairProof } from "../supervisor/events.ts";
import type { Pair } from "./attempt.ts";
import { askCanary, type CanaryAnswer, canaryTokens, textFromPrefillAlone } from "./canary.ts";
import { type Counted, readCounters } from "./canary_counters.ts";
import { type Found, refutedProof } from "./refuted_proof.ts";
import type { RouterIo } from "./router_io.ts";

export interface ProveLimits {
  /**
   * For all attempts together. The first NIXL request between two engines has been seen to take 30 s; the first push
   * between two that had not met was lost in 2 of 6 starts of vLLM 0.32, decode waiting for ever, and the next one arrived.
   */
  readonly limitMs: number;
}

const CANARY_ATTEMPTS = 3;
/** Engines write their counters a moment after the answer. */
const COUNTERS_SETTLE_MS = 3_000;
const POLL_MS = 25;

export async function provePair(
  names: { readonly prefill: string; readonly decode: string },
  io: RouterIo,
  metrics: EngineMetrics,
  { limitMs }: ProveLimits = { limitMs: 120_000 },
): Promise<PairProof> {
  const [prefill, decode] = [io.roster.named(names.prefill), io.roster.named(names.decode)];
  if (prefill === null || decode === null) return refutedProof(names, { is: "unknown-worker" }, io);
  const pair: Pair = { prefill, decode };
  const untilMs = io.now() + limitMs;
  let found: Found = { is: "no-answer", reason: "the time for the proof was over before it began" };
  for (let attempt = 0; attempt < CANARY_ATTEMPTS && io.now() < untilMs; attempt++) {
    const tried = await tryOnce(pair, io, metrics, Math.min(untilMs, io.now() + limitMs / CANARY_ATTEMPTS));
    if (tried.is === "proven") return tried;
    found = tried;
    // What an engine counted does not get better by asking again; what it could not answer may.
    if (found.is !== "no-answer") break;
  }
  return refutedProof(names, found, io);
}

async function tryOnce(
  pair: Pair,
  io: RouterIo,
  metrics: EngineMetrics,
  untilMs: number,
): Promise<Extract<PairProof, { is: "proven" }> | Found> {
  let sent: DecodeLeg | null = null;
  const watched: RouterIo = {
    ...io,
    connector: { ...io.connector, decodeLeg: (context, reply) => sent = io.connector.decodeLeg(context, reply) },
  };
  const tokens = await canaryTokens(pair, io);
  const before = await readCounters(pair, io, metrics);
  if (before.is === "failed") return { is: "no-answer", reason: before.reason };

  const startMs = io.now();
  const answer = await askCanary(tokens, pair, watched, untilMs - startMs);
  const tookMs = io.now() - startMs;
  const decodeLeg = sent as DecodeLeg | null;
  if (answer.is === "failed") return { is: "no-answer", reason: answer.reason };

  const grown = await grownCounters(pair, io, metrics, before, answer.promptTokens);
  if (grown.is === "failed") return { is: "no-answer", reason: grown.reason };
  const { promptTokens } = answer;
  const { moved, recomputed, bytes } = grown;
  const noBytes = io.connector.proof.bytes?.needed === true && !(bytes !== null && bytes > 0);
  if (noBytes || !isEnough(moved, promptTokens, io)) {
    return { is: "not-moved", promptTokens, moved, recomputed, decodeLeg };
  }
  await warnOfOtherText(tokens, pair, answer, io);
  const { prefill, decode } = pair;
  const counts = { promptTokens, movedTokens: moved, recomputedTokens: recomputed, bytes };
  return { is: "proven", prefill: prefill.name, decode: decode.name, ...counts, tookMs };
}

/** Polls until the counters show the transfer, or have had their time. */
async function grownCounters(
  pair: Pair,
  io: RouterIo,
  metrics: EngineMetrics,
  before: Extract<Counted, { is: "counted" }>,
  promptTokens: number,
): Promise<
  { is: "grown"; moved: number; recomputed: number; bytes: number | null } | { is: "failed"; reason: string }
> {
  const deadlineMs = io.now() + COUNTERS_SETTLE_MS;
  for (;;) {
    const after = await readCounters(pair, io, metrics);
    if (after.is === "failed") return after;
    const moved = after.moved - before.moved;
    const recomputed = after.recomputed === null || before.recomputed === null
      ? Math.max(0, promptTokens - moved)
      : after.recomputed - before.recomputed;
    const bytes = after.bytes === null ? null : after.bytes - (before.bytes ?? 0);
    const isSettled = isEnough(moved, promptTokens, io) && bytes !== 0;
    if (isSettled || io.now() >= deadlineMs) return { is: "grown", moved, recomputed, bytes };
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Some engines do not count the last token, which decode computes to sample from; whole blocks leave a rest. */
function isEnough(moved: number, promptTokens: number, { connector }: RouterIo): boolean {
  return connector.proof.covers === "prompt" ? moved >= promptTokens - 1 : moved >= promptTokens / 2;
}

/**
 * KV that moved but is wrong gives other text. Prefill computed the prompt itself, so its answer is the reference;
 * decode asked again would answer from the KV in doubt. A warning only: batching may change the last digits.
 */
async function warnOfOtherText(
  tokens: readonly number[],
  pair: Pair,
  answer: Extract<CanaryAnswer, { is: "answered" }>,
  io: RouterIo,
): Promise<void> {
  if (!io.connector.servesPlainRequests) return;
  const reference = await textFromPrefillAlone(tokens, pair, io);
  if (reference === null || reference === answer.text) return;
  const names = { prefill: pair.prefill.name, decode: pair.decode.name };
  io.log("warn", "The canary's text differs from what its prefill worker alone answers", names);
}
