// What the command lines and environments of engines have in common.

import type { Device } from "../../kv/connector.ts";
import type { WorkerCommandInput } from "./engine.ts";

export interface CommandLine {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Engines take one for granted. */
export function sizeArgument(flag: string, size: number): readonly string[] {
  return size > 1 ? [flag, String(size)] : [];
}

/** Shows a worker its GPUs and no others, or gives it its share of the cores. */
export function deviceEnvironment(input: WorkerCommandInput): Record<string, string> {
  return environments[input.device](input);
}

/** Ids are physical and in bus order, so that they mean what `nvidia-smi` and the plan mean. */
const environments: Readonly<Record<Device, (input: WorkerCommandInput) => Record<string, string>>> = {
  cuda: ({ gpus }) => ({ CUDA_DEVICE_ORDER: "PCI_BUS_ID", CUDA_VISIBLE_DEVICES: gpus.join(",") }),
  rocm: ({ gpus }) => ({ HIP_VISIBLE_DEVICES: gpus.join(",") }),
  xpu: ({ gpus }) => ({ ZE_AFFINITY_MASK: gpus.join(",") }),
  npu: ({ gpus }) => ({ ASCEND_RT_VISIBLE_DEVICES: gpus.join(",") }),
  tpu: ({ gpus }) => ({ TPU_VISIBLE_CHIPS: gpus.join(",") }),
  cpu: ({ cpuCores, workersOnMachine }) => ({
    OMP_NUM_THREADS: String(Math.max(1, Math.floor(cpuCores / Math.max(1, workersOnMachine)))),
  }),
};
