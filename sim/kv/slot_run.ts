// Slots of several blocks as one run, to be read by, or taken from, another engine.

import type { BlockPool } from "./block_pool.ts";

/** The slots of these blocks in order, whatever is in them. Null when the pool has no such block. */
export function readSlotRun(pool: BlockPool, blockIds: readonly number[]): Uint32Array | null {
  const run = new Uint32Array(blockIds.length * pool.blockSize);
  for (const [at, id] of blockIds.entries()) {
    const slots = pool.slots(id);
    if (!slots) return null;
    run.set(slots, at * pool.blockSize);
  }
  return run;
}
