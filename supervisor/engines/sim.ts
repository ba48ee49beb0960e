// The simulator: vLLM on the wire and in the log, so it is launched, read and diagnosed as vLLM is.

import type { Engine, WorkerCommandInput } from "./engine.ts";
import { vllm } from "./vllm.ts";
import { simFlags } from "./sim_flags.ts";
import { serveArguments } from "./vllm_command.ts";

/** The vLLM that the simulator behaves like when `--sim-vllm-version` does not say. */
export const defaultSimulatedVersion = "0.32.0";

export const sim: Engine = {
  ...vllm,
  name: "sim",
  // `input.command` is how pdserve calls itself; there are no devices to show or hide.
  command: (input) => ({
    argv: [...input.command, "sim-engine", ...serveArguments(input), ...input.wiringArgs, ...input.userArgs],
    env: simulatedEnvironment(input),
  }),
  ports: undefined,
  stop: { signal: "SIGTERM", graceMs: 5_000 },
  versionCommand: (command) => [...command, "sim-engine", "--version"],
  readInstalled: undefined,
  impliedVersion: simulatedVersion,
  commonFlags: { ...vllm.commonFlags, ...simFlags },
  commonFlagPrefix: "--sim-",
};

/** The last `--sim-vllm-version` among the arguments, as `--flag value` or `--flag=value`. */
function simulatedVersion(args: readonly string[]): string {
  const flag = "--sim-vllm-version";
  const given = args.map((word, at) => {
    if (word === flag) return args[at + 1];
    return word.startsWith(`${flag}=`) ? word.slice(flag.length + 1) : undefined;
  });
  return given.findLast((version) => version !== undefined) ?? defaultSimulatedVersion;
}

function simulatedEnvironment(input: WorkerCommandInput): Readonly<Record<string, string>> {
  return { VLLM_HOST_IP: input.host, NO_COLOR: "1", ...input.wiringEnv };
}
