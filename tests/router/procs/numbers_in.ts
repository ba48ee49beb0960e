// Shared numbers over any memory, of a fleet with three workers.

import type { Numbers, Part } from "../../../router/numbers.ts";
import { makeSharedNumbers } from "../../../router/procs/shared_numbers.ts";
import { bytesFor } from "../../../router/procs/shared_cells.ts";
import { makeWorkerNumbers } from "../../../router/procs/worker_numbers.ts";

export const workers = ["prefill-0", "decode-0", "decode-1"];

export function knownNumbers() {
  const numbers = makeWorkerNumbers({ gives: false });
  numbers.learn(workers);
  return numbers;
}

export function numbersIn(cells: Int32Array, part: Part, now: () => number = () => 0): Numbers {
  return makeSharedNumbers({ shared: { cells, part }, numbers: knownNumbers(), now, madeAtMs: 0, random: Math.random });
}

export function cellsFor(processes: number): Int32Array {
  return new Int32Array(bytesFor(processes) / Int32Array.BYTES_PER_ELEMENT);
}

/** The numbers of `processes` processes, as if each were another. */
export function numbersOf(processes: number, now?: () => number): { cells: Int32Array; all: readonly Numbers[] } {
  const cells = cellsFor(processes);
  return { cells, all: Array.from({ length: processes }, (_, at) => numbersIn(cells, { at, of: processes }, now)) };
}
