// Which GPUs CUDA_VISIBLE_DEVICES leaves to this process, by physical id and in its order.

import type { RawGpu } from "./gpu_reading.ts";

/**
 * As CUDA reads it: an entry that names no GPU ends the list. Numbers are taken in PCI bus order, which is CUDA's own on a box
 * of like GPUs or with CUDA_DEVICE_ORDER=PCI_BUS_ID. Null when the variable is not set.
 */
export function visibleGpus(variable: string | undefined, gpus: readonly RawGpu[]): readonly string[] | null {
  if (variable === undefined) return null;
  const visible: string[] = [];
  for (const entry of variable.split(",").map((text) => text.trim())) {
    const gpu = gpus.find(({ id, uuid }) => id === entry || (/^GPU-/.test(entry) && (uuid ?? "").startsWith(entry)));
    if (gpu === undefined) break;
    visible.push(gpu.id);
  }
  return visible;
}
