// The memory that one router and its like in the other processes share. After a reload there is another router and another
// memory, beside the one in which the routers before count down to zero.

import { bytesFor } from "../../router/procs/shared_cells.ts";
import { makeSharedMemory, mapSharedMemory } from "../../supervisor/native.ts";
import { machineNowMs } from "./machine_clock.ts";
import type { SharedMemory } from "./messages.ts";

export interface Generation {
  readonly number: number;
  readonly memory: SharedMemory;
  readonly cells: Int32Array;
  /** Once: nobody will map it any more; who has it keeps it. */
  closePath(): void;
}

export function openGeneration(processes: number, number: number): Generation {
  const { path, close } = makeSharedMemory(bytesFor(processes));
  const cells = mapSharedMemory(path);
  return {
    number,
    memory: { path, madeAtMs: machineNowMs() },
    cells,
    closePath: close,
  };
}
