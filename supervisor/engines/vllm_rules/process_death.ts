// One of vLLM's own processes died or went silent, and the log does not say why.

import type { DiagnosisRule } from "../engine.ts";

export const processDeathRules: readonly DiagnosisRule[] = [
  {
    id: "native-crash",
    line:
      /Fatal Python error: (?<what>.*)|!+ ?Segfault encountered|terminate called after throwing an instance of '(?<type>[^']+)'/,
    why: ({ what, type }) => `native code of the engine crashed (${what ?? type ?? "segmentation fault"})`,
    fix: () => "try --enforce-eager, then another --attention-backend, and report it to vLLM with this log",
    consequence: true,
    example: "Fatal Python error: Segmentation fault",
  },
  {
    id: "gpu-worker-died",
    line: /Worker proc (?<name>\S+) died unexpectedly(?: \(exit code: (?<code>-?\d+)\))?/,
    why: ({ name, code }) =>
      `vLLM's process ${name} was killed or crashed` +
      (code === "-9" ? " (SIGKILL, as the out-of-memory killer does)" : ""),
    fix: () => "dmesg -T | grep -iE 'killed process|xid' tells whether the kernel killed it or a GPU failed",
    consequence: true,
    example:
      "(EngineCore pid=13902) ERROR 11-21 10:27:41 [multiproc_executor.py:316] Worker proc VllmWorker-0 died unexpectedly (exit code: -9), shutting down executor.",
  },
  {
    id: "engine-core-died",
    line: /engine core exited unexpectedly|Engine core proc(?:ess)? \S+ died unexpectedly/,
    why: () => "vLLM's engine process was killed or crashed without a word",
    fix: () => "dmesg -T | grep -iE 'killed process|segfault|xid' tells whether the kernel killed it or a GPU failed",
    consequence: true,
    example:
      "(APIServer pid=13887) WARNING 11-21 10:27:41 [core_client.py:817] [shutdown] MPClient: engine core exited unexpectedly; starting cleanup",
  },
  {
    id: "step-timeout",
    line: /RPC call to \w+ timed out|execute_model timed out/,
    why: () => "a step of the model took longer than VLLM_EXECUTE_MODEL_TIMEOUT_SECONDS (300 s): a GPU or NCCL hangs",
    fix: () => "dmesg -T | grep -i xid; export NCCL_DEBUG=INFO to see a stuck collective; try --enforce-eager",
    consequence: true,
    example:
      "(EngineCore pid=204) ERROR 08-01 04:10:22 [core.py:843] TimeoutError: RPC call to sample_tokens timed out.",
  },
  {
    id: "workers-silent",
    line: /No available shared memory broadcast block found in (?<seconds>\d+) seconds/,
    why: ({ seconds }) => `vLLM's worker processes have not answered their scheduler for ${seconds} s`,
    fix: () =>
      "--kv-connector NixlConnector if the connector is at fault; else py-spy dump --pid PID shows where they wait",
    consequence: true,
    example:
      "(EngineCore pid=23020) INFO 11-21 11:05:14 [shm_broadcast.py:871] No available shared memory broadcast block found in 60 seconds. This typically happens when some processes are hanging or doing some time-consuming work",
  },
];
