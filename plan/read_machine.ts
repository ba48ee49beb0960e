// The box to plan for, when it is not this one: `--machine 8xH100`, or the file of a saved probe.

import type { Gpu, Machine } from "./machine.ts";
import { nearestName } from "../kv/nearest_name.ts";
import { type KnownGpu, knownGpus } from "./probe/known_gpus.ts";
import type { ReadMachine } from "./read_saved_machine.ts";
import { originText, type Sourced } from "./spec.ts";

export type { ReadMachine } from "./read_saved_machine.ts";

/** `readText` gives null when there is no such file. */
export async function readMachine(
  asked: Sourced<string>,
  readText: (path: string) => Promise<string | null>,
): Promise<ReadMachine> {
  const named = /^(\d{1,3})\s*[x×*]\s*(.+)$/i.exec(asked.value);
  const where = originText(asked.origin);
  if (named === null) {
    const text = await readText(asked.value);
    if (text === null) {
      return wrong(
        `Cannot find the machine file "${asked.value}"`,
        "--machine is a count and a GPU name, or a saved probe",
        "--machine 8xH100",
        where,
      );
    }
    // zod is needed for a file only.
    const { readSavedMachine } = await import("./read_saved_machine.ts");
    return readSavedMachine(text, asked.value);
  }
  const gpu = knownGpu(named[2] ?? "");
  if (gpu !== null) return { is: "machine", machine: machineOf(asked.value, Number(named[1]), gpu) };
  const meant = nearestName(named[2] ?? "", Object.keys(knownGpus));
  const fix = `--machine ${named[1]}x${(meant ?? "h100").toUpperCase()}`;
  return wrong(`Unknown GPU "${named[2]}" in --machine`, `known are ${Object.keys(knownGpus).join(", ")}`, fix, where);
}

/** `H100`, `NVIDIA H100 80GB HBM3`, `A100-40GB`, `4090`: makers, boards and memory kinds do not count, a memory size may follow. */
function knownGpu(name: string): KnownGpu | null {
  const wanted = plainName(name);
  // The longest first, so that A100-40 is not taken for an A100 of the usual size.
  const known = Object.entries(knownGpus).toSorted(([a], [b]) => b.length - a.length);
  return known.find(([key]) => wanted.startsWith(plainName(key)) && /^\d*$/.test(wanted.slice(plainName(key).length)))
    ?.[1] ?? null;
}

function plainName(name: string): string {
  return name.toLowerCase().replaceAll(/nvidia|amd|instinct|geforce|tesla|rtx|sxm\d?|hbm\d?e?|gb|[^a-z0-9]/g, "");
}

/** As an idle box of that kind would look: enough cores and memory, no port in use, nothing known of its engine. */
function machineOf(source: string, count: number, known: KnownGpu): Machine {
  const bytes = known.gib * 2 ** 30;
  const ids = Array.from({ length: count }, (_, id) => String(id));
  const gpus = ids.map((id): Gpu => ({
    ...{ id, uuid: null, name: known.name, totalBytes: bytes, freeBytes: bytes },
    ...{ holders: [], numaNode: null },
  }));
  const linksOf = (from: string) => Object.fromEntries(ids.filter((to) => to !== from).map((to) => [to, known.link]));
  return {
    schema: 1,
    source,
    gpus,
    links: Object.fromEntries(ids.map((id) => [id, linksOf(id)])),
    noPeerAccess: [],
    visibleGpus: null,
    driver: null,
    gpuSource: "given",
    cpuCores: Math.max(8, count * 12),
    memoryBytes: Math.max(64, count * 128) * 2 ** 30,
    busyPorts: [],
    ephemeralFrom: 32_768,
    engine: null,
  };
}

function wrong(what: string, why: string, fix: string, where: string): ReadMachine {
  return { is: "problem", problem: { what, why, fix, where, severity: "error", exitCode: 2 } };
}
