// The memory that all router processes of a run share. Each process has a row of counts that only it writes; everybody reads
// sums over the rows. So no count needs a lock, and what a dead process has left is one row, which the core puts right.
//
//   ┌ common ──────────────────────────────┬ row 0 (core) ─────────────┬ row 1 ─┬ …
//   │ places · quarantine · prefix owners  │ the way in · handles · workers │
//
// Read and written with Atomics only, whose order is one for all processes: who has written its own count and then reads the
// others' cannot miss somebody who did the same before.

import type { Part } from "../numbers.ts";

export interface SharedCells {
  readonly cells: Int32Array;
  readonly part: Part;
}

/** Of a run, one after the other; 13 bits, as prefix_owners.ts packs them. Pages that nobody touches take no memory. */
export const MOST_WORKERS = 8_191;
/** Pairs that may be in trouble at one time or another. */
export const MOST_PAIRS = 4_096;
export const PREFIX_CELLS = 65_536;

/** Where a common part begins, and how many cells it has. */
export const common = layOut({
  /** Of the way in, then of each worker's window; 0 for what the settings say, else one more than the places. */
  places: 1 + MOST_WORKERS,
  /** When an administrator last asked for what may end requests; in units of shared_time.ts, 0 for never. */
  abortsAsked: 1,
  /** How many records of quarantine are not empty. */
  troubled: 1,
  workerFailures: MOST_WORKERS,
  workerFaults: MOST_WORKERS,
  workerUntil: MOST_WORKERS,
  pairKeys: MOST_PAIRS,
  pairFailures: MOST_PAIRS,
  pairUntil: MOST_PAIRS,
  prefillPrefixes: PREFIX_CELLS,
  decodePrefixes: PREFIX_CELLS,
});

/** Of one row. */
export const rowPart = layOut({
  inside: 1,
  waiting: 1,
  served: 1,
  opened: 1,
  spent: 1,
  done: 1,
  failed: 1,
  expired: 1,
  released: 1,
  leaked: 1,
  inFlight: MOST_WORKERS,
  outstandingTokens: MOST_WORKERS,
  handedOver: MOST_WORKERS,
  wholeStarted: MOST_WORKERS,
  wholeRunning: MOST_WORKERS,
  roomInside: MOST_WORKERS,
  roomWaiting: MOST_WORKERS,
  windowInside: MOST_WORKERS,
  windowWaiting: MOST_WORKERS,
});

export type RowPart = keyof typeof rowPart.at;

export function bytesFor(processes: number): number {
  return (common.size + processes * rowPart.size) * Int32Array.BYTES_PER_ELEMENT;
}

/** `index`: a worker's number, in parts that have a cell for each. */
export function rowCell(row: number, part: RowPart, index = 0): number {
  return common.size + row * rowPart.size + rowPart.at[part] + index;
}

export function commonCell(part: keyof typeof common.at, index = 0): number {
  return common.at[part] + index;
}

function layOut<Name extends string>(sizes: Readonly<Record<Name, number>>) {
  const at = {} as Record<Name, number>;
  let size = 0;
  for (const [name, cells] of Object.entries(sizes) as [Name, number][]) {
    at[name] = size;
    size += cells;
  }
  return { at: at as Readonly<Record<Name, number>>, size };
}
