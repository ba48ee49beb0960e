// A count of which each router process keeps its own share.

import type { Count } from "../numbers.ts";
import { rowCell, type RowPart, rowPart, type SharedCells } from "./shared_cells.ts";

export function sharedCount({ cells, part: { at, of } }: SharedCells, part: RowPart, index = 0): Count {
  const own = rowCell(at, part, index);
  const first = rowCell(0, part, index);
  const end = first + of * rowPart.size;
  return {
    // Nobody else writes this cell, so what is read here is still true when it is written.
    add: (by) => void Atomics.store(cells, own, cells[own]! + by),
    get sum() {
      let sum = 0;
      for (let at = first; at < end; at += rowPart.size) sum += Atomics.load(cells, at);
      return sum;
    },
  };
}
