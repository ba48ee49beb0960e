// The command line and environment of one SGLang worker.

import { type CommandLine, deviceEnvironment, sizeArgument } from "./command_parts.ts";
import type { WorkerCommandInput } from "./engine.ts";
import { setsFlag } from "./vllm_flags.ts";

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

/**
 * Several ranks on one NUMA node refuse to start unless each is given its cores, and crash in the NCCL of a PyTorch made for
 * CUDA (seen on 0.5.23); where that cannot be loaded they use gloo.
 */
function ranksOnCores({ tp, dp, pp, cpuCores }: WorkerCommandInput): Record<string, string> {
  const ranks = tp * dp * pp;
  if (ranks === 1) return {};
  const share = Math.max(1, Math.floor(cpuCores / ranks));
  const coresOf = (rank: number) => {
    const first = (rank * share) % Math.max(1, cpuCores);
    return share === 1 ? String(first) : `${first}-${first + share - 1}`;
  };
  const cores = Array.from({ length: ranks }, (_, rank) => coresOf(rank)).join("|");
  return { SGLANG_CPU_OMP_THREADS_BIND: cores, SGLANG_NCCL_SO_PATH: "/none" };
}

/** Memory in segments that grow cannot be given back as the memory saver does it; slime takes these two away as well. */
const wholeSegments = { PYTORCH_CUDA_ALLOC_CONF: "", PYTORCH_ALLOC_CONF: "" };

function environment(input: WorkerCommandInput): Record<string, string> {
  return {
    ...(input.device === "cpu" ? { SGLANG_USE_CPU_ENGINE: "1", ...ranksOnCores(input) } : {}),
    ...deviceEnvironment(input),
    ...(setsFlag(input.userArgs, "--enable-memory-saver") ? wholeSegments : {}),
    // What prefill ranks tell decode to connect to; left alone, the address of the network card.
    SGLANG_HOST_IP: input.host,
    PYTHONUNBUFFERED: "1",
    NO_COLOR: "1",
  };
}
