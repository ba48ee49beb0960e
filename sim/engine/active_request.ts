// A request between arrival and end: where it stands, which blocks it holds, and what its KV says so far.

import { attend, type Attention, blockName, NOTHING_ATTENDED, rootName, slotOf } from "../kv/content.ts";
import type { BlockPool } from "../kv/block_pool.ts";
import type { EngineOutput, EngineRequest } from "./request.ts";
import { StopWatcher } from "./stop_watcher.ts";

/**
 * waiting → running, or waiting → loading → loaded → running when KV comes from elsewhere; preempted goes back to
 * waiting; done is the end, also for a request whose client left while it was loading.
 */
export type Phase = "waiting" | "loading" | "loaded" | "running" | "done";

export interface ActiveRequest {
  readonly request: EngineRequest;
  /** Where outputs go; nobody listens once the request is done. */
  readonly emit: (output: EngineOutput) => void;
  readonly stops: StopWatcher;
  /** Prompt and generated tokens. */
  readonly tokens: number[];
  /** Prefix-cache names of the prompt's full blocks, in order. */
  readonly names: readonly number[];
  readonly promptAttention: number[];
  phase: Phase;
  blocks: number[];
  /** Tokens whose slots are written. */
  held: number;
  attention: Attention;
  cachedTokens: number;
  loadedTokens: number;
  cacheWriteTokens: number;
  /** Set once a load has failed and the prompt is to be computed here. */
  loadFailed: boolean;
  preemptions: number;
  times: { queuedMs: number; runningMs: number; firstTokenMs: number; lastTokenMs: number };
}

export function activate(
  request: EngineRequest,
  blockSize: number,
  emit: (output: EngineOutput) => void,
): ActiveRequest {
  return {
    request,
    emit,
    stops: new StopWatcher(request.sampling.stop),
    tokens: [...request.promptIds],
    names: namesOf(request, blockSize),
    promptAttention: [],
    phase: "waiting",
    blocks: [],
    held: 0,
    attention: NOTHING_ATTENDED,
    cachedTokens: 0,
    loadedTokens: 0,
    cacheWriteTokens: 0,
    loadFailed: false,
    preemptions: 0,
    times: { queuedMs: request.arrivedMs, runningMs: 0, firstTokenMs: 0, lastTokenMs: 0 },
  };
}

export function generatedCount(active: ActiveRequest): number {
  return active.tokens.length - active.request.promptIds.length;
}

/** Takes slots that are already in the blocks for known: from the prefix cache or from another engine. */
export function adoptSlots(active: ActiveRequest, pool: BlockPool, upTo: number): void {
  while (active.held < upTo) {
    active.attention = attend(active.attention, slotAt(active, pool, active.held));
    active.held += 1;
  }
}

/** Computes the next `count` known tokens into their slots, and names the blocks that become full. */
export function computeSlots(active: ActiveRequest, pool: BlockPool, count: number): void {
  for (let i = 0; i < count; i++) {
    const at = active.held;
    if (active.request.promptLogprobs !== null && at < active.request.promptIds.length) {
      active.promptAttention.push(active.attention);
    }
    const slot = slotOf(active.attention, active.tokens[at] ?? 0);
    const slots = pool.slots(active.blocks[Math.floor(at / pool.blockSize)] ?? 0);
    if (slots) slots[at % pool.blockSize] = slot;
    active.attention = attend(active.attention, slot);
    active.held += 1;
    if (active.held % pool.blockSize === 0 && nameBlock(active, pool, active.held / pool.blockSize - 1)) {
      active.cacheWriteTokens += pool.blockSize;
    }
  }
}

/** Names the full prompt blocks up to `tokens`, whatever is in them. */
export function nameBlocks(active: ActiveRequest, pool: BlockPool, tokens: number): void {
  for (let at = 0; at < Math.floor(tokens / pool.blockSize); at++) nameBlock(active, pool, at);
}

function nameBlock(active: ActiveRequest, pool: BlockPool, at: number): boolean {
  const name = active.names[at];
  const id = active.blocks[at];
  if (name === undefined || id === undefined) return false;
  pool.name(id, name);
  return true;
}

function slotAt(active: ActiveRequest, pool: BlockPool, at: number): number {
  return pool.slots(active.blocks[Math.floor(at / pool.blockSize)] ?? 0)?.[at % pool.blockSize] ?? 0;
}

function namesOf(request: EngineRequest, blockSize: number): readonly number[] {
  const names: number[] = [];
  let parent = rootName(request.cacheSalt);
  for (let from = 0; from + blockSize <= request.promptIds.length; from += blockSize) {
    parent = blockName(parent, request.promptIds, from, from + blockSize);
    names.push(parent);
  }
  return names;
}
