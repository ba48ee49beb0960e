// The box as the plan sees it. The type is pure data, so that a saved probe or `8xH100` plans as well as this machine.

export interface Gpu {
  /** Physical index in PCI bus order, as text. */
  readonly id: string;
  readonly uuid: string | null;
  readonly name: string;
  readonly totalBytes: number;
  readonly freeBytes: number;
  /** Who holds memory; null where the driver does not tell (containers). */
  readonly holders: readonly { readonly pid: number; readonly name: string; readonly bytes: number }[] | null;
  readonly numaNode: number | null;
}

/** `NV18`, `PIX`, `SYS`, … as in `nvidia-smi topo -m`. */
export type Link = string;

export interface Machine {
  readonly schema: 1;
  /** `this machine`, `8xH100`, or the file a probe was read from. */
  readonly source: string;
  readonly gpus: readonly Gpu[];
  /** links[a][b] by GPU id; empty when unknown. */
  readonly links: Readonly<Record<string, Readonly<Record<string, Link>>>>;
  readonly driver: string | null;
  /** Pairs of GPU ids between which the driver allows no peer access; empty when unknown. */
  readonly noPeerAccess: readonly (readonly [string, string])[];
  /** Physical ids in the order of pdserve's own CUDA_VISIBLE_DEVICES, so that GPU 0 of a flag is the first of these; null when it is not set. */
  readonly visibleGpus: readonly string[] | null;
  /** How the GPUs were read. */
  readonly gpuSource: "nvml" | "nvidia-smi" | "none" | "given";
  readonly cpuCores: number;
  readonly memoryBytes: number;
  /** TCP ports in use, with the holder where known. */
  readonly busyPorts: readonly { readonly port: number; readonly pid: number | null; readonly name: string | null }[];
  /** First port the kernel hands out by itself; the plan stays below. */
  readonly ephemeralFrom: number;
  /** The engine as installed; null when its command was not found. */
  readonly engine: InstalledEngine | null;
}

export interface InstalledEngine {
  readonly name: string;
  readonly version: string;
  /** Python module → version, or null when it does not import. Empty when not looked at. */
  readonly imports: Readonly<Record<string, string | null>>;
  /** What the engine build computes on, when it tells. */
  readonly device: "cuda" | "cpu" | null;
}
