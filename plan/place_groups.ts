// Which GPUs each worker of a layout gets: listed ones as listed, counted ones in the machine's order, group by group.

import { writeGpuList } from "./gpu_list.ts";
import { physicalId } from "./listed_gpus.ts";
import type { Machine } from "./machine.ts";
import type { Problem } from "./problem.ts";
import { scaleGroups } from "./scale_groups.ts";
import type { SizedGroup } from "./sized_group.ts";

export interface PlacedGroups {
  readonly groups: readonly { readonly group: SizedGroup; readonly workers: readonly (readonly string[])[] }[];
  readonly reason: string | null;
  readonly problems: readonly Problem[];
}

export interface PlaceOptions {
  readonly namesOnly: boolean;
  /** Shrink what does not fit. */
  readonly scales: boolean;
}

export function placeGroups(
  groups: readonly SizedGroup[],
  machine: Machine,
  { namesOnly, scales }: PlaceOptions,
): PlacedGroups {
  const visible = machine.visibleGpus ?? machine.gpus.map(({ id }) => id);
  // Names are free, unless a box is asked about: then its size is what the user wants to know of.
  const room = namesOnly && machine.gpuSource !== "given" ? Infinity : visible.length;
  if (gpusOf(groups) > room) {
    const scaled = scaleGroups(groups, room);
    if (scales && scaled !== null) {
      const placed = placeGroups(scaled, machine, { namesOnly, scales: false });
      return { ...placed, problems: [scaledDown(groups, scaled, machine, room), ...placed.problems] };
    }
    return { groups: [], reason: null, problems: [tooBig(groups, scaled, machine, room)] };
  }
  const problems = namesOnly ? [] : groups.flatMap((group) => unknownIds(group, machine));
  if (problems.length > 0) return { groups: [], reason: null, problems };
  const idOf = (id: string) => namesOnly ? id : physicalId(id, machine) ?? id;
  return inOrder(groups, namesOnly && visible.length < gpusOf(groups) ? names(groups) : visible, idOf);
}

function inOrder(
  groups: readonly SizedGroup[],
  visible: readonly string[],
  idOf: (id: string) => string,
): PlacedGroups {
  const listed = new Set(groups.flatMap(({ gpus }) => typeof gpus === "number" ? [] : gpus.map(idOf)));
  const free = visible.filter((id) => !listed.has(id));
  let next = 0;
  const placed = groups.map((group) => {
    const { gpus, gpusPerWorker, workers } = group;
    const ids = typeof gpus === "number" ? free.slice(next, next += gpus) : gpus.map(idOf);
    const cut = Array.from({ length: workers }, (_, at) => ids.slice(at * gpusPerWorker, (at + 1) * gpusPerWorker));
    return { group, workers: cut };
  });
  return { groups: placed, reason: reasonOf(placed), problems: groups.flatMap(idleGpus) };
}

function names(groups: readonly SizedGroup[]): string[] {
  const listed = groups.flatMap(({ gpus }) => typeof gpus === "number" ? [] : gpus);
  return Array.from({ length: gpusOf(groups) + listed.length }, (_, id) => String(id));
}

function reasonOf(placed: PlacedGroups["groups"]): string | null {
  if (placed.every(({ group }) => typeof group.gpus !== "number")) return null;
  return "in the order of the groups: " +
    placed.map(({ group, workers }) => `${group.role} ${writeGpuList(workers)}`).join(" · ");
}

function gpusOf(groups: readonly SizedGroup[]): number {
  return groups.reduce((sum, { gpus }) => sum + (typeof gpus === "number" ? gpus : gpus.length), 0);
}

function unknownIds({ role, gpus, where }: SizedGroup, machine: Machine): Problem[] {
  const unknown = typeof gpus === "number" ? [] : gpus.filter((id) => physicalId(id, machine) === null);
  if (unknown.length === 0) return [];
  const known = machine.visibleGpus?.map((_, at) => String(at)) ?? machine.gpus.map(({ id }) => id);
  return [{
    what: `Cannot find ${unknown.length === 1 ? "GPU" : "GPUs"} ${unknown.join(", ")} of the ${role} workers`,
    why: `${machine.source} has ${known.length === 0 ? "none" : `GPUs ${known.join(",")}`}`,
    fix: `ids out of ${known.join(",")}, or --scale-to-node where there are too few`,
    where,
    severity: "error",
    exitCode: 2,
  }];
}

/** Upstream leaves them idle without a word. */
function idleGpus({ role, gpus, gpusPerWorker, workers, where }: SizedGroup): Problem[] {
  const idle = (typeof gpus === "number" ? gpus : gpus.length) - workers * gpusPerWorker;
  return idle === 0 ? [] : [{
    what: `${idle} of the GPUs for ${role} stay${idle === 1 ? "s" : ""} idle`,
    why: `workers of ${gpusPerWorker} use ${workers * gpusPerWorker} of ${workers * gpusPerWorker + idle}`,
    fix: `a multiple of ${gpusPerWorker}`,
    where,
    severity: "warning",
  }];
}

function tooBig(
  groups: readonly SizedGroup[],
  scaled: readonly SizedGroup[] | null,
  { source }: Machine,
  room: number,
): Problem {
  const count = room === 1 ? "1 GPU" : `${room} GPUs`;
  return {
    what: `Cannot place ${gpusOf(groups)} GPUs' worth of workers on ${count}`,
    why: `the file asks for ${told(groups)}, and ${source} has ${count}`,
    fix: scaled === null
      ? "a machine with a GPU for each group at least, or --engine sim to try without"
      : `--scale-to-node, which makes it ${told(scaled)}`,
    where: groups[0]?.where ?? "machine",
    severity: "error",
    exitCode: 2,
  };
}

function scaledDown(
  groups: readonly SizedGroup[],
  scaled: readonly SizedGroup[],
  { source }: Machine,
  room: number,
): Problem {
  return {
    what: `Scale ${gpusOf(groups)} GPUs down to ${room}: ${told(scaled)}`,
    why: `the file asks for ${told(groups)}, and ${source} has ${room}`,
    fix: "without --scale-to-node this is refused",
    where: groups[0]?.where ?? "machine",
    severity: "warning",
  };
}

/** `prefill 2×2 GPUs, decode 3×4 GPUs`. */
function told(groups: readonly SizedGroup[]): string {
  return groups.map(({ role, workers, gpusPerWorker }) => `${role} ${workers}×${gpusPerWorker}`).join(" + ") + " GPUs";
}
