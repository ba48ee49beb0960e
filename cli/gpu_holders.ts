// Who holds memory of some GPUs, asked anew: a stopped worker is only gone when its memory is back.

import { probeMachine } from "../plan/probe/probe_machine.ts";
import type { GpuHolder } from "../supervisor/worker_process.ts";

/** Null where the driver does not tell, as in most containers. */
export async function readGpuHolders(gpus: readonly string[]): Promise<readonly GpuHolder[] | null> {
  const machine = await probeMachine({ engine: null, ports: [], gpus: true });
  const mine = machine.gpus.filter(({ id }) => gpus.includes(id));
  if (mine.length === 0 || mine.some(({ holders }) => holders === null)) return null;
  return mine.flatMap(({ holders }) => holders ?? []);
}
