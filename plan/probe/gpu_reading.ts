// GPUs as a source tells them, before the machine's own facts (process names, NUMA) are joined.

import type { Machine } from "../machine.ts";

export interface RawGpu {
  /** Index in PCI bus order. */
  readonly id: string;
  readonly uuid: string | null;
  readonly name: string;
  readonly totalBytes: number;
  readonly freeBytes: number;
  /** `00000000:18:00.0`. */
  readonly busId: string | null;
  /** Null where the driver does not tell; bytes null where it tells only the pid. */
  readonly processes: readonly { readonly pid: number; readonly bytes: number | null }[] | null;
}

export interface GpuReading {
  readonly source: "nvml" | "nvidia-smi";
  readonly driver: string | null;
  readonly gpus: readonly RawGpu[];
  readonly links: Machine["links"];
  readonly noPeerAccess: Machine["noPeerAccess"];
}
