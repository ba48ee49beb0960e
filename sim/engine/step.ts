// One step of the batch: prompt chunks within the token budget, one token for every request whose prompt is done.

import type { Connector } from "../connectors/connector.ts";
import type { BlockPool } from "../kv/block_pool.ts";
import { NOTHING_ATTENDED } from "../kv/content.ts";
import type { EngineMetrics } from "../metrics/engine_metrics.ts";
import type { Faults } from "../settings/faults.ts";
import type { SimSettings } from "../settings/settings.ts";
import { END_TOKEN, tokenText } from "../tokenizer.ts";
import { type ActiveRequest, computeSlots, generatedCount } from "./active_request.ts";
import type { Finish } from "./request.ts";
import { countEnd, countToken } from "./request_metrics.ts";
import { sample } from "./sampler.ts";

export interface StepParts {
  readonly settings: SimSettings;
  readonly pool: BlockPool;
  readonly metrics: EngineMetrics;
  readonly faults: Faults;
  readonly connector: Connector | null;
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Takes the request out of the batch; its blocks are freed if it still has any. */
  end(active: ActiveRequest): void;
}

export async function runStep(running: readonly ActiveRequest[], parts: StepParts): Promise<void> {
  const { pace } = parts.settings;
  let budget = parts.settings.maxBatchedTokens;
  let prefillTokens = 0;
  let decoding = 0;
  const work = running.map((active) => {
    const count = Math.max(0, Math.min(active.tokens.length - active.held, budget));
    budget -= count;
    if (generatedCount(active) === 0) prefillTokens += count;
    else decoding += 1;
    return { active, count };
  });
  await parts.sleep(prefillTokens * pace.prefillMsPer1k / 1000 + (decoding > 0 ? pace.decodeMsPerToken : 0));
  let tokens = prefillTokens;
  for (const { active, count } of work) {
    if (active.phase !== "running" || count === 0 || !ensureRoom(active, running, parts)) continue;
    computeSlots(active, parts.pool, count);
    if (active.held < active.tokens.length) continue;
    if (generatedCount(active) === 0) {
      const saving = parts.connector?.prefilled(active.request, active.blocks);
      if (saving) await saving;
      // Its client may have left in between.
      if (active.phase !== "running") continue;
    }
    tokens += 1;
    addToken(active, parts);
  }
  if (tokens > 0) parts.metrics.observe("iteration_tokens_total", tokens);
}

/** A block for the next token; without a free one the youngest request gives its blocks back and starts again. */
function ensureRoom(active: ActiveRequest, running: readonly ActiveRequest[], { pool, metrics }: StepParts): boolean {
  while (active.blocks.length * pool.blockSize < active.tokens.length) {
    const block = pool.take(1);
    if (block) {
      active.blocks.push(...block);
      continue;
    }
    const victim = running.filter((other) => other.phase === "running").at(-1) ?? active;
    pool.release(victim.blocks);
    victim.blocks = [];
    victim.held = 0;
    victim.attention = startOver(victim);
    victim.preemptions += 1;
    victim.phase = "waiting";
    metrics.add("num_preemptions");
    if (victim === active) return false;
  }
  return true;
}

function addToken(active: ActiveRequest, parts: StepParts): void {
  const { sampling } = active.request;
  const { attention } = active;
  const id = sample(attention, sampling, generatedCount(active), parts.faults.firstTokenEos);
  active.tokens.push(id);
  countToken(active, parts.metrics, parts.now());
  const ending = endingOf(active, id, parts.settings.maxModelLen);
  const watched = active.stops.add(ending?.reason === "stop" ? "" : tokenText(id), ending !== null);
  const token = { id, attention };
  const reached = watched.stop === null ? ending : { reason: "stop", stopReason: watched.stop } as const;
  if (!reached) return active.emit({ kind: "token", token, text: watched.text, finish: null });
  const finish = finishRequest(active, reached, parts);
  active.emit({ kind: "token", token, text: watched.text, finish });
  parts.end(active);
}

type Ending = Pick<Finish, "stopReason"> & { readonly reason: "stop" | "length" };

function endingOf(active: ActiveRequest, id: number, maxModelLen: number): Ending | null {
  const { sampling } = active.request;
  const generated = generatedCount(active);
  if (generated >= sampling.minTokens || id === END_TOKEN) {
    if (id === END_TOKEN && !sampling.ignoreEos) return { reason: "stop", stopReason: null };
    if (sampling.stopTokenIds.includes(id)) return { reason: "stop", stopReason: id };
  }
  if (generated >= sampling.maxTokens || active.tokens.length >= maxModelLen) {
    return { reason: "length", stopReason: null };
  }
  return null;
}

function finishRequest(active: ActiveRequest, ending: Ending, parts: StepParts): Finish {
  countEnd(active, parts.metrics, ending.reason);
  const handover = parts.connector?.finished(active.request, active.blocks, {
    reason: ending.reason,
    cachedTokens: active.cachedTokens,
    tokensHeld: active.held,
    attention: active.attention,
  });
  if (handover?.keepsBlocks) active.blocks = [];
  return {
    ...ending,
    kvParams: handover?.params ?? null,
    cachedTokens: active.cachedTokens + active.loadedTokens,
    cacheWriteTokens: active.cacheWriteTokens,
    promptAttention: active.promptAttention,
  };
}

function startOver(active: ActiveRequest): number {
  active.promptAttention.length = 0;
  active.cachedTokens = 0;
  active.loadedTokens = 0;
  active.cacheWriteTokens = 0;
  return NOTHING_ATTENDED;
}
