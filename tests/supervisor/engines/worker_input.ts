import type { WorkerCommandInput } from "../../../supervisor/engines/engine.ts";

/** What the plan would ask for one prefill worker on one GPU, with the given differences. */
export function workerInput(differences: Partial<WorkerCommandInput> = {}): WorkerCommandInput {
  return {
    role: "prefill",
    model: "Qwen/Qwen3-8B",
    servedModelName: "qwen",
    device: "cuda",
    gpus: ["2"],
    host: "127.0.0.1",
    port: 8101,
    tp: 1,
    dp: 1,
    pp: 1,
    command: ["vllm"],
    engineVersion: "0.32.0",
    kvTransferConfig: null,
    wiringArgs: [],
    wiringEnv: {},
    userArgs: [],
    workersOnMachine: 2,
    cpuCores: 16,
    ...differences,
  };
}

/** The word after a flag. */
export function valueOf(argv: readonly string[], flag: string): string | undefined {
  const at = argv.indexOf(flag);
  return at < 0 ? undefined : argv[at + 1];
}
