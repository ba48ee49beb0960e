// The GPUs as nvidia-smi prints them: the fallback where NVML cannot be loaded.

import { stripVTControlCharacters } from "node:util";
import type { GpuReading, RawGpu } from "./gpu_reading.ts";
import type { RunCommand } from "./run_command.ts";

/** A hung driver hangs the command. */
const limitMs = 10_000;

const gpuQuery = ["index", "uuid", "name", "memory.total", "memory.free", "pci.bus_id", "driver_version"];

/** Null when the command is not there or its driver does not answer. */
export async function readNvidiaSmi(run: RunCommand): Promise<GpuReading | null> {
  const ask = async (...args: string[]) => {
    const answer = await run(["nvidia-smi", ...args], limitMs);
    return answer.is === "ended" && answer.code === 0 ? answer.stdout : null;
  };
  const csv = "--format=csv,noheader,nounits";
  const [gpus, apps, topology] = await Promise.all([
    ask(`--query-gpu=${gpuQuery.join(",")}`, csv),
    ask("--query-compute-apps=pid,gpu_uuid,used_memory", csv),
    ask("topo", "-m"),
  ]);
  if (gpus === null) return null;
  return {
    source: "nvidia-smi",
    driver: parseGpus(gpus).driver,
    gpus: parseGpus(gpus).gpus.map((gpu) => ({ ...gpu, processes: apps === null ? null : processesOf(gpu, apps) })),
    links: parseTopology(topology ?? ""),
    noPeerAccess: [],
  };
}

/** Values may be `[N/A]`, `[Not Supported]` or `[Insufficient Permissions]`. */
export function parseGpus(csv: string): { readonly gpus: readonly RawGpu[]; readonly driver: string | null } {
  const rows = rowsOf(csv).filter((row) => row.length >= gpuQuery.length);
  const gpus = rows.map(([id = "", uuid = "", name = "GPU", total = "", free = "", busId = ""]): RawGpu => ({
    id,
    uuid: known(uuid),
    name,
    totalBytes: mebibytes(total) ?? 0,
    freeBytes: mebibytes(free) ?? mebibytes(total) ?? 0,
    busId: known(busId),
    processes: null,
  }));
  return { gpus, driver: known(rows[0]?.[6] ?? "[N/A]") };
}

function processesOf(gpu: RawGpu, apps: string): RawGpu["processes"] {
  return rowsOf(apps).filter(([, uuid]) => uuid === gpu.uuid).map(([pid = "", , memory = ""]) => ({
    pid: Number(pid),
    bytes: mebibytes(memory),
  }));
}

/** The matrix of `nvidia-smi topo -m`: tab separated, a head line with a leading tab, NICs and affinities beside the GPUs. */
export function parseTopology(text: string): GpuReading["links"] {
  // The head line is underlined by escape codes.
  const lines = stripVTControlCharacters(text).split("\n").map((line) => line.split("\t").map((cell) => cell.trim()));
  const head = lines.find((cells) => cells[0] === "" && cells.includes("GPU0")) ?? [];
  const links: Record<string, Record<string, string>> = {};
  for (const [name = "", ...cells] of lines) {
    const from = /^GPU(\d+)$/.exec(name)?.[1];
    if (from === undefined) continue;
    for (const [at, link] of cells.entries()) {
      const to = /^GPU(\d+)$/.exec(head[at + 1] ?? "")?.[1];
      if (to !== undefined && to !== from && /^(NV\d+|PIX|PXB|PHB|NODE|SYS)$/.test(link)) {
        links[from] = { ...links[from], [to]: link };
      }
    }
  }
  return links;
}

function rowsOf(csv: string): string[][] {
  return csv.split("\n").filter((line) => line.trim() !== "").map((line) => line.split(",").map((cell) => cell.trim()));
}

function known(value: string): string | null {
  return value.startsWith("[") || value === "" ? null : value;
}

function mebibytes(value: string): number | null {
  return /^\d+$/.test(value) ? Number(value) * 2 ** 20 : null;
}
