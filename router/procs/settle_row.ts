// What a router process that has died left behind.

import { rowCell, type RowPart } from "./shared_cells.ts";

/** What is so only while the process lives. Sums since the start, such as requests served, stay. */
const runningNow: readonly RowPart[] = [
  ...["inFlight", "outstandingTokens", "wholeRunning"] as const,
  ...["roomInside", "roomWaiting", "windowInside", "windowWaiting"] as const,
];

/**
 * Its handles end as those of requests that broke off, and nothing is in flight for it any more: its sockets went with it, so
 * the engines abort what they did for it. Only once it is gone, because a row has one writer. `workers`: how many have numbers.
 */
export function settleRow(cells: Int32Array, row: number, workers: number): { readonly requests: number } {
  const take = (part: RowPart, worker = 0) => Atomics.exchange(cells, rowCell(row, part, worker), 0);
  const requests = take("inside");
  take("waiting");
  Atomics.add(cells, rowCell(row, "leaked"), take("opened"));
  Atomics.add(cells, rowCell(row, "failed"), take("spent"));
  for (const part of runningNow) for (let worker = 0; worker < workers; worker++) take(part, worker);
  return { requests };
}
