// The command line and environment of one `vllm serve` worker.

import { coerce, gte } from "semver";
import { type CommandLine, deviceEnvironment, sizeArgument } from "./command_parts.ts";
import type { WorkerCommandInput } from "./engine.ts";
import { setsFlag } from "./vllm_flags.ts";

/**
 * The user's own arguments come last: of a repeated flag vLLM takes the last. No secret is ever an argument, because
 * every user of the machine can read a process list; the workers' key goes by VLLM_API_KEY, which the supervisor adds.
 */
export function vllmCommand(input: WorkerCommandInput): CommandLine {
  return {
    argv: [
      ...(input.command.length > 0 ? input.command : ["vllm"]),
      "serve",
      ...serveArguments(input),
      ...quietProbes(input.engineVersion),
      ...(input.device === "cpu" ? cpuArguments(input) : []),
      ...input.wiringArgs,
      ...input.userArgs,
    ],
    env: { ...environment(input), ...input.wiringEnv },
  };
}

/** What the plan decides, in the words of `vllm serve`; the simulator takes the same. */
export function serveArguments(input: WorkerCommandInput): readonly string[] {
  return [
    input.model,
    ...["--served-model-name", input.servedModelName],
    ...["--host", input.host, "--port", String(input.port)],
    ...sizeArgument("--tensor-parallel-size", input.tp),
    ...sizeArgument("--pipeline-parallel-size", input.pp),
    ...sizeArgument("--data-parallel-size", input.dp),
    ...(input.kvTransferConfig ? ["--kv-transfer-config", JSON.stringify(input.kvTransferConfig)] : []),
  ];
}

/** pdserve asks these every second; the flag exists since 0.16 (vLLM pull request 30011). */
function quietProbes(version: string): readonly string[] {
  const known = coerce(version);
  return known && gte(known, "0.16.0") ? ["--disable-access-log-for-endpoints", "/health,/metrics"] : [];
}

const mib = 2 ** 20;

/**
 * Left alone, each CPU instance asks for 92 % of the machine's memory, so two of them never start. Without the user's own
 * word the workers share 40 % of it, each at most the 4 GiB that vLLM itself took by default before utilisation.
 */
function cpuArguments(input: WorkerCommandInput): readonly string[] {
  const sized = ["--kv-cache-memory-bytes", "--gpu-memory-utilization"].some((flag) => setsFlag(input.userArgs, flag));
  if (sized) return [];
  const share = input.memoryBytes ? (input.memoryBytes * 0.4) / Math.max(1, input.workersOnMachine) : 1024 * mib;
  const bytes = Math.floor(Math.min(4096 * mib, Math.max(64 * mib, share)) / mib) * mib;
  return ["--kv-cache-memory-bytes", String(bytes)];
}

/** VLLM_NO_USAGE_STATS stays as the user has it: whether to report usage is not pdserve's to decide. */
function environment(input: WorkerCommandInput): Record<string, string> {
  return {
    // vLLM's own thread binding puts every instance on the same cores; unbound, each keeps to its share of them.
    ...(input.device === "cpu" ? { VLLM_CPU_OMP_THREADS_BIND: "nobind" } : {}),
    ...deviceEnvironment(input),
    // Peers and vLLM's own processes are on this machine; left alone vLLM picks the address of its default route.
    VLLM_HOST_IP: isWildcard(input.host) ? "127.0.0.1" : input.host,
    // Always set when known: ≤ 0.27 picks ports without holding them, and a Kubernetes service called vllm injects a URI.
    ...(input.internalPort ? { VLLM_PORT: String(input.internalPort) } : {}),
    PYTHONUNBUFFERED: "1",
    NO_COLOR: "1",
  };
}

function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::" || host === "";
}
