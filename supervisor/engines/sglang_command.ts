// The command line and environment of one SGLang worker.

import type { Device } from "../../kv/connector.ts";
import type { WorkerCommandInput } from "./engine.ts";
import { setsFlag } from "./vllm_flags.ts";

interface CommandLine {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** The user's own arguments come last: of a repeated flag argparse takes the last. */
export function sglangCommand(input: WorkerCommandInput): CommandLine {
  return {
    argv: [
      ...starter(input.command),
      ...launchArguments(input),
      ...(input.device === "cpu" ? cpuArguments(input) : []),
      ...input.wiringArgs,
      ...input.userArgs,
    ],
    env: { ...environment(input), ...input.wiringEnv },
  };
}

/** What the plan decides, in SGLang's words; the simulator takes the same. */
export function launchArguments(input: WorkerCommandInput): readonly string[] {
  return [
    ...["--model-path", input.model, "--served-model-name", input.servedModelName],
    ...["--host", input.host, "--port", String(input.port)],
    ...sizeArgument("--tp-size", input.tp),
    ...sizeArgument("--pp-size", input.pp),
    ...sizeArgument("--dp-size", input.dp),
    // Without its counters nothing can prove that KV moved.
    "--enable-metrics",
  ];
}

/** `sglang serve` since 0.5.10; whoever gives `python -m sglang.launch_server` has said it all. */
function starter(command: readonly string[]): readonly string[] {
  const words = command.length > 0 ? command : ["sglang"];
  return /(^|\/)sglang$/.test(words.at(-1) ?? "") ? [...words, "serve"] : words;
}

function sizeArgument(flag: string, size: number): readonly string[] {
  return size > 1 ? [flag, String(size)] : [];
}

const cpuCacheTokens = 16_384;

/**
 * Without these a CPU build looks for CUDA kernels. An idle scheduler polls a whole core away unless told to sleep, and
 * decode has no pinned host memory to back up what it retracts.
 */
function cpuArguments({ role, userArgs }: WorkerCommandInput): readonly string[] {
  const given = (flag: string) => setsFlag(userArgs, flag);
  return [
    ...["--device", "cpu", "--sleep-on-idle", "--disable-overlap-schedule", "--disable-cuda-graph"],
    ...(given("--attention-backend") ? [] : ["--attention-backend", "torch_native"]),
    ...(given("--sampling-backend") ? [] : ["--sampling-backend", "pytorch"]),
    // Left alone it sizes the cache by free memory, which several workers share.
    ...(given("--max-total-tokens") ? [] : ["--max-total-tokens", String(cpuCacheTokens)]),
    ...(role === "decode" ? ["--disaggregation-decode-retraction-backup", "cpu_tensor"] : []),
  ];
}

function environment(input: WorkerCommandInput): Record<string, string> {
  return {
    ...deviceEnvironment[input.device](input),
    // What prefill ranks tell decode to connect to; left alone, the address of the network card.
    SGLANG_HOST_IP: input.host,
    PYTHONUNBUFFERED: "1",
    NO_COLOR: "1",
  };
}

/** Ids are physical and in bus order, so that they mean what `nvidia-smi` and the plan mean. */
const deviceEnvironment: Readonly<Record<Device, (input: WorkerCommandInput) => Record<string, string>>> = {
  cuda: ({ gpus }) => ({ CUDA_DEVICE_ORDER: "PCI_BUS_ID", CUDA_VISIBLE_DEVICES: gpus.join(",") }),
  rocm: ({ gpus }) => ({ HIP_VISIBLE_DEVICES: gpus.join(",") }),
  xpu: ({ gpus }) => ({ ZE_AFFINITY_MASK: gpus.join(",") }),
  tpu: ({ gpus }) => ({ TPU_VISIBLE_CHIPS: gpus.join(",") }),
  cpu: ({ cpuCores, workersOnMachine }) => ({
    SGLANG_USE_CPU_ENGINE: "1",
    OMP_NUM_THREADS: String(Math.max(1, Math.floor(cpuCores / Math.max(1, workersOnMachine)))),
  }),
};
