// The paged KV cache of one engine: which blocks are free, held and how often, and which full ones can be found again by
// content. Freed blocks keep their content until they are given out again, as real memory does.

export class BlockPool {
  readonly blockSize: number;
  readonly capacity: number;
  readonly #holders: Uint32Array;
  readonly #content = new Map<number, Uint32Array>();
  readonly #nameOf = new Map<number, number>();
  readonly #byName = new Map<number, number>();
  /** Free blocks in the order they will be given out: longest unused first. */
  readonly #free = new Set<number>();

  /** Block 0 is the null block of vLLM and is never given out, so ids run from 1 to capacity - 1. */
  constructor(capacity: number, blockSize: number) {
    this.capacity = capacity;
    this.blockSize = blockSize;
    this.#holders = new Uint32Array(capacity);
    for (let id = 1; id < capacity; id++) this.#free.add(id);
  }

  get freeCount(): number {
    return this.#free.size;
  }

  get usedCount(): number {
    return this.capacity - 1 - this.#free.size;
  }

  /** Share of blocks in use, 0 to 1: `vllm:kv_cache_usage_perc`. */
  get usage(): number {
    return this.usedCount / (this.capacity - 1);
  }

  /** `count` blocks held once each, or null when there are not so many free. */
  take(count: number): number[] | null {
    if (count > this.#free.size) return null;
    const ids: number[] = [];
    for (const id of this.#free) {
      if (ids.length === count) break;
      ids.push(id);
    }
    for (const id of ids) {
      this.#free.delete(id);
      this.#forgetName(id);
      this.#holders[id] = 1;
    }
    return ids;
  }

  /** One more holder for blocks found in the prefix cache. */
  hold(ids: readonly number[]): void {
    for (const id of ids) {
      if (this.#holders[id] === 0) this.#free.delete(id);
      this.#holders[id] = (this.#holders[id] ?? 0) + 1;
    }
  }

  /** One holder less; a block without holders is free, last blocks first so that prefixes live longest. */
  release(ids: readonly number[]): void {
    for (const id of [...ids].reverse()) {
      const holders = this.#holders[id] ?? 0;
      if (holders === 0) throw new Error(`block ${id} released twice`);
      this.#holders[id] = holders - 1;
      if (holders === 1) this.#free.add(id);
    }
  }

  /** The slots of a block, writable; all zero if it was never written. Null for an id this pool does not have. */
  slots(id: number): Uint32Array | null {
    if (id < 0 || id >= this.capacity) return null;
    let slots = this.#content.get(id);
    if (!slots) {
      slots = new Uint32Array(this.blockSize);
      this.#content.set(id, slots);
    }
    return slots;
  }

  /** Makes a full block findable. The first block of a name stays the one that is found. */
  name(id: number, name: number): void {
    if (this.#byName.has(name)) return;
    this.#nameOf.set(id, name);
    this.#byName.set(name, id);
  }

  find(name: number): number | null {
    return this.#byName.get(name) ?? null;
  }

  /** `POST /reset_prefix_cache`. */
  forgetNames(): void {
    this.#nameOf.clear();
    this.#byName.clear();
  }

  #forgetName(id: number): void {
    const name = this.#nameOf.get(id);
    if (name === undefined) return;
    this.#nameOf.delete(id);
    this.#byName.delete(name);
  }
}
