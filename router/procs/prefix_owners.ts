// Which worker has seen which beginning of a prompt, told to all router processes: policies/prefix_affinity.ts' memory in cells.
// One cell holds a hash and a worker's number at once, so nobody reads half of what another writes.

import type { PrefixOwners } from "../policies/policy.ts";
import { commonCell, MOST_WORKERS, PREFIX_CELLS, type SharedCells } from "./shared_cells.ts";
import type { WorkerNumbers } from "./worker_numbers.ts";

/** Of a number and one, so that an empty cell is nobody's. */
const NUMBER_BITS = 13;
/** With the 16 bits of the cell's own index these are all 32 of a hash. */
const TAG_SHIFT = 14;

/** A newer beginning takes the cell of an older one: what it costs is a prefix computed again. */
export function makeSharedPrefixOwners(
  { cells }: SharedCells,
  numbers: WorkerNumbers,
  side: "prefill" | "decode",
): PrefixOwners {
  const cellOf = (hash: number) =>
    commonCell(side === "prefill" ? "prefillPrefixes" : "decodePrefixes", hash & (PREFIX_CELLS - 1));
  const tagOf = (hash: number) => hash >>> TAG_SHIFT;
  return {
    get(hash) {
      const packed = Atomics.load(cells, cellOf(hash));
      const number = (packed & MOST_WORKERS) - 1;
      return number < 0 || packed >>> NUMBER_BITS !== tagOf(hash) ? undefined : numbers.nameOf(number) ?? undefined;
    },
    put(hash, name) {
      const number = numbers.of(name);
      if (number !== null) Atomics.store(cells, cellOf(hash), tagOf(hash) << NUMBER_BITS | number + 1);
    },
  };
}
