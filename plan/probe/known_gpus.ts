// GPUs people plan for without having one at hand: `8xH100`.

export interface KnownGpu {
  readonly name: string;
  readonly gib: number;
  /** Between any two of them in the usual box. */
  readonly link: string;
}

/** Sizes are what the driver shows as total memory, rounded. SXM boards are joined by NVLink, PCIe cards by the host. */
export const knownGpus = {
  "b300": { name: "NVIDIA B300 SXM6", gib: 268, link: "NV18" },
  "b200": { name: "NVIDIA B200", gib: 179, link: "NV18" },
  "h200": { name: "NVIDIA H200", gib: 140, link: "NV18" },
  "h100": { name: "NVIDIA H100 80GB HBM3", gib: 80, link: "NV18" },
  "h100-pcie": { name: "NVIDIA H100 PCIe", gib: 80, link: "SYS" },
  "h20": { name: "NVIDIA H20", gib: 96, link: "NV18" },
  "a100": { name: "NVIDIA A100-SXM4-80GB", gib: 80, link: "NV12" },
  "a100-80": { name: "NVIDIA A100-SXM4-80GB", gib: 80, link: "NV12" },
  "a100-40": { name: "NVIDIA A100-SXM4-40GB", gib: 40, link: "NV12" },
  "v100": { name: "Tesla V100-SXM2-32GB", gib: 32, link: "NV1" },
  "l40s": { name: "NVIDIA L40S", gib: 45, link: "SYS" },
  "l4": { name: "NVIDIA L4", gib: 22, link: "SYS" },
  "a10": { name: "NVIDIA A10", gib: 22, link: "SYS" },
  "rtx5090": { name: "NVIDIA GeForce RTX 5090", gib: 32, link: "SYS" },
  "rtx4090": { name: "NVIDIA GeForce RTX 4090", gib: 24, link: "SYS" },
  "rtx3090": { name: "NVIDIA GeForce RTX 3090", gib: 24, link: "SYS" },
  "mi300x": { name: "AMD Instinct MI300X", gib: 192, link: "NV1" },
} satisfies Record<string, KnownGpu>;
