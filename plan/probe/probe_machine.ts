// What is on this machine: GPUs and who holds them, ports in use, cores, memory, the engine. All asked at once, each with a limit.

import { readFile, readlink } from "node:fs/promises";
import { availableParallelism, totalmem } from "node:os";
import type { Gpu, Machine } from "../machine.ts";
import { busyPorts, processName } from "./busy_ports.ts";
import type { GpuReading, RawGpu } from "./gpu_reading.ts";
import { readNvidiaSmi } from "./nvidia_smi.ts";
import { readNvml } from "./nvml.ts";
import { type EngineQuestion, probeEngine } from "./probe_engine.ts";
import { type RunCommand, runCommand } from "./run_command.ts";
import { visibleGpus } from "./visible_gpus.ts";

export interface ProbeQuestion {
  /** Null when no engine will be started. */
  readonly engine: EngineQuestion | null;
  /** Ports whose holder the user will want to know. */
  readonly ports: readonly number[];
  /** False where nothing will run on GPUs; then the driver is not asked. */
  readonly gpus: boolean;
}

export interface ProbeMeans {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly run: RunCommand;
  /** Null when there is no such library or it does not answer. */
  readonly readNvml: (libraryPath: string) => GpuReading | null;
}

export async function probeMachine(
  question: ProbeQuestion,
  means: ProbeMeans = { env: process.env, run: runCommand, readNvml },
): Promise<Machine> {
  const { env, run } = means;
  const [reading, ports, ephemeralFrom, memoryBytes, engine] = await Promise.all([
    question.gpus ? readGpus(means) : null,
    busyPorts(question.ports),
    firstEphemeralPort(),
    usableMemory(),
    question.engine === null ? null : probeEngine(question.engine, env.PATH, run),
  ]);
  return {
    schema: 1,
    source: "this machine",
    gpus: await Promise.all((reading?.gpus ?? []).map(withMachineFacts)),
    links: reading?.links ?? {},
    noPeerAccess: reading?.noPeerAccess ?? [],
    visibleGpus: visibleGpus(env.CUDA_VISIBLE_DEVICES, reading?.gpus ?? []),
    driver: reading?.driver ?? null,
    gpuSource: reading?.source ?? "none",
    cpuCores: availableParallelism(),
    memoryBytes,
    busyPorts: ports,
    ephemeralFrom,
    engine,
  };
}

async function readGpus({ env, run, readNvml }: ProbeMeans): Promise<GpuReading | null> {
  return readNvml(env.PDSERVE_TEST_NVML ?? "libnvidia-ml.so.1") ?? await readNvidiaSmi(run);
}

async function withMachineFacts({ busId, processes, ...gpu }: RawGpu): Promise<Gpu> {
  const [numaNode, holders] = await Promise.all([numaNodeOf(busId), holdersOf(processes)]);
  return { ...gpu, numaNode, holders };
}

/** Inside a container the driver's pids belong to another namespace: who holds the memory is then unknown, never guessed. */
async function holdersOf(processes: RawGpu["processes"]): Promise<Gpu["holders"]> {
  if (processes === null || await readlink("/proc/self/ns/pid").catch(() => "") !== initialPidNamespace) return null;
  return await Promise.all(processes.map(async ({ pid, bytes }) => ({
    pid,
    name: await processName(pid) ?? "a process",
    bytes: bytes ?? 0,
  })));
}

/** PROC_PID_INIT_INO of Linux's include/linux/proc_ns.h. */
const initialPidNamespace = "pid:[4026531836]";

/** NVML writes `00000000:18:00.0`, sysfs `0000:18:00.0`; -1 is a box without NUMA. */
async function numaNodeOf(busId: string | null): Promise<number | null> {
  const place = busId === null
    ? null
    : /[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f]$/i.exec(busId)?.[0].toLowerCase();
  const text = await readFile(`/sys/bus/pci/devices/${place}/numa_node`, "utf8").catch(() => "");
  const node = text === "" ? -1 : Number(text);
  return node >= 0 ? node : null;
}

/** Linux's own default where the file is not there. */
async function firstEphemeralPort(): Promise<number> {
  const text = await readFile("/proc/sys/net/ipv4/ip_local_port_range", "utf8").catch(() => "");
  return Number.parseInt(text, 10) || 32_768;
}

/** The machine's memory, or the container's share of it. */
async function usableMemory(): Promise<number> {
  const limit = Number(await readFile("/sys/fs/cgroup/memory.max", "utf8").catch(() => "max"));
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
