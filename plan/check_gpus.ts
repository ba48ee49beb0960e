// What will go wrong on these GPUs, as far as the probe can tell: memory in use, pairs without a fast path.

import type { Gpu, Machine } from "./machine.ts";
import type { WorkerSlot } from "./worker_command.ts";
import type { Problem } from "./problem.ts";
import { flagValues, type KnownFlags } from "./engine_flags.ts";

/** vLLM's own default of --gpu-memory-utilization. */
const defaultUtilization = 0.92;

export function checkGpus(workers: readonly WorkerSlot[], machine: Machine, known: KnownFlags): readonly Problem[] {
  return [...workers.flatMap((worker) => memoryInUse(worker, machine, known)), ...slowPairs(workers, machine)];
}

function memoryInUse(worker: WorkerSlot, machine: Machine, known: KnownFlags): Problem[] {
  const flags = flagValues(worker.userArgs, known);
  if (flags["--kv-cache-memory-bytes"] !== undefined) return [];
  const share = Number(flags["--gpu-memory-utilization"] ?? defaultUtilization);
  const short = machine.gpus.filter((gpu) => worker.gpus.includes(gpu.id) && gpu.freeBytes < share * gpu.totalBytes);
  return short.map((gpu) => ({
    what: `GPU ${gpu.id} of ${worker.name} has ${gib(gpu.freeBytes)} of ${
      gib(gpu.totalBytes)
    } GiB free, ${share} of it is asked`,
    why: holdersOf(gpu),
    fix: `stop what holds it, or --${worker.role}.gpu-memory-utilization ${fittingShare(gpu)}`,
    where: "machine",
    severity: "warning",
  }));
}

function holdersOf(gpu: Gpu): string {
  if (gpu.holders === null || gpu.holders.length === 0) return "the driver does not tell who holds the rest";
  const held = gpu.holders.map(({ pid, name, bytes }) => `${name} (pid ${pid}) ${gib(bytes)} GiB`);
  return `held by ${held.join(", ")}`;
}

/** Two digits, rounded down with a little to spare. */
function fittingShare(gpu: Gpu): string {
  return Math.max(0.01, Math.floor((gpu.freeBytes / gpu.totalBytes) * 100 - 2) / 100).toFixed(2);
}

function gib(bytes: number): string {
  return (bytes / 2 ** 30).toFixed(1);
}

/** NIXL's pull over cuda_ipc was measured at 0.5 GB/s on such a pair, against 49 GB/s for push (vLLM issue 52607). */
function slowPairs(workers: readonly WorkerSlot[], machine: Machine): Problem[] {
  const barred = (a: string, b: string) =>
    machine.noPeerAccess.some(([one, two]) => (one === a && two === b) || (one === b && two === a));
  const gpusOf = (role: string) => workers.filter((worker) => worker.role === role).flatMap((worker) => worker.gpus);
  const pairs = gpusOf("prefill").flatMap((a) => gpusOf("decode").filter((b) => barred(a, b)).map((b) => `${a}–${b}`));
  if (pairs.length === 0) return [];
  return [{
    what: `Expect slow handoffs between GPUs ${pairs.join(", ")}`,
    why: "they have neither NVLink nor peer access, so KV goes through main memory",
    fix: "GPUs of one NVLink island for prefill and decode, or --kv-connector NixlPushConnector",
    where: "machine",
    severity: "warning",
  }];
}
