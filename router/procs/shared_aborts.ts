// When an administrator last asked the engines, in whichever router process, for something that may end requests.

import type { AskedAborts } from "../engine_abort.ts";
import { commonCell, type SharedCells } from "./shared_cells.ts";
import { msOf, unitsOf } from "./shared_time.ts";

/** `now` is the router's clock, on which the memory was made at `madeAtMs`. */
export function makeSharedAborts({ cells }: SharedCells, now: () => number, madeAtMs: number): AskedAborts {
  const at = commonCell("abortsAsked");
  return {
    note: () => void Atomics.store(cells, at, unitsOf(now() - madeAtMs)),
    isAskedSince(acceptedMs) {
      const asked = Atomics.load(cells, at);
      return asked > 0 && madeAtMs + msOf(asked) >= acceptedMs;
    },
  };
}
