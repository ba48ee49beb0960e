// The GPUs a user listed for one role, checked against the machine and cut into workers.

import { type PdCounts, readGpuList, writeGpuList } from "./gpu_list.ts";
import type { Machine } from "./machine.ts";
import type { Problem } from "./problem.ts";
import { originText, type Sourced } from "./spec.ts";

export type PdRole = "prefill" | "decode";

export interface GpuWish {
  /** `--prefill-gpus` and `--decode-gpus` as written. */
  readonly gpus: Readonly<Record<PdRole, Sourced<string | null>>>;
  /** GPUs per worker; null when not said: then one, or what the groups or `--pd` imply. */
  readonly sizes: Readonly<Record<PdRole, number | null>>;
  readonly pd: Sourced<string | null>;
  /** No GPUs are used (CPU, simulator): ids are names and any will do. */
  readonly namesOnly: boolean;
  /** Names that others have, where ids are names. */
  readonly takenNames?: readonly string[];
}

/** The groups the user listed for one role, by physical id; null when nothing was listed. */
export function listedGpus(
  role: PdRole,
  wish: GpuWish,
  counts: PdCounts | null,
  machine: Machine,
  problems: Problem[],
): readonly (readonly string[])[] | null {
  const { value: text, origin } = wish.gpus[role];
  if (text === null) return null;
  const flag = `--${role}-gpus`;
  const say = (what: string, why: string, fix: string) => {
    problems.push({ what, why, fix, where: originText(origin), severity: "error", exitCode: 2 });
    return [];
  };
  const groups = readGpuList(text);
  if (groups === null) return say(`${flag} cannot be "${text}"`, "it lists ids: 0,1 or 0-3 or 0,1;2,3", `${flag} 0,1`);
  const ids = groups.flat();
  const twice = [...new Set(ids.filter((id, at) => ids.indexOf(id) !== at))];
  const unknown = wish.namesOnly ? [] : ids.filter((id) => physicalId(id, machine) === null);
  if (twice.length > 0) say(...listedTwice(twice, ids, flag));
  if (unknown.length > 0) say(...unknownGpus([...new Set(unknown)], flag, machine));
  if (twice.length > 0 || unknown.length > 0) return [];
  const chosen = wish.namesOnly ? groups : groups.map((group) => group.map((id) => physicalId(id, machine) ?? id));
  const size = wish.sizes[role] ?? impliedSize(chosen, counts?.[role] ?? null);
  const fits = (group: readonly string[]) => groups.length > 1 ? group.length === size : group.length % size === 0;
  if (!chosen.every(fits)) return say(...doesNotDivide(groups, size, role));
  const workers = chosen.flatMap((group) => chunks(group, size));
  const wanted = counts?.[role] ?? workers.length;
  return workers.length === wanted ? workers : say(
    `${flag} "${text}" makes ${workers.length} ${role} workers of ${size}, but --pd asks for ${wanted}`,
    "--pd and the list must agree where both are given",
    `leave out --pd, or list ${wanted * size} GPUs`,
  );
}

/** Every known GPU of a list, by physical id, whatever else is wrong with it. */
export function saidGpus(role: PdRole, { gpus, namesOnly }: GpuWish, machine: Machine): readonly string[] {
  const ids = readGpuList(gpus[role].value ?? "")?.flat() ?? [];
  return namesOnly ? ids : ids.flatMap((id) => physicalId(id, machine) ?? []);
}

function listedTwice(twice: readonly string[], ids: readonly string[], flag: string): [string, string, string] {
  const which = twice.length === 1 ? `GPU ${twice[0]} is` : `GPUs ${twice.join(", ")} are`;
  return [`${which} listed twice in ${flag}`, "a GPU belongs to one worker", `${flag} ${[...new Set(ids)].join(",")}`];
}

/** `0,1;2,3` are workers of two; four GPUs for `2P…` too. */
function impliedSize(groups: readonly (readonly string[])[], count: number | null): number {
  const ids = groups.flat().length;
  if (groups.length > 1) return groups[0]?.length ?? 1;
  return count !== null && ids % count === 0 ? Math.max(1, ids / count) : 1;
}

function chunks(ids: readonly string[], size: number): string[][] {
  return Array.from({ length: ids.length / size }, (_, at) => ids.slice(at * size, (at + 1) * size));
}

/** Indices count what CUDA_VISIBLE_DEVICES leaves visible; a UUID or its beginning names the GPU itself. */
export function physicalId(id: string, machine: Machine): string | null {
  const gpus = machine.visibleGpus === null
    ? machine.gpus
    : machine.visibleGpus.flatMap((visible) => machine.gpus.filter((gpu) => gpu.id === visible));
  const found = /^\d+$/.test(id) && machine.visibleGpus !== null
    ? gpus[Number(id)]
    : gpus.find((gpu) => gpu.id === id) ?? gpus.find((gpu) => id.startsWith("GPU-") && gpu.uuid?.startsWith(id));
  return found?.id ?? null;
}

/** The id to type for a GPU where CUDA_VISIBLE_DEVICES renumbers them. */
export function typedId(physical: string, machine: Machine): string {
  const at = machine.visibleGpus?.indexOf(physical) ?? -1;
  return at < 0 ? physical : String(at);
}

function unknownGpus(unknown: readonly string[], flag: string, machine: Machine): [string, string, string] {
  const count = machine.visibleGpus?.length ?? machine.gpus.length;
  const which = `${unknown.length === 1 ? "GPU" : "GPUs"} ${unknown.join(", ")}`;
  const seen = machine.visibleGpus === null ? "" : " visible through CUDA_VISIBLE_DEVICES";
  if (count === 0) {
    return [`Cannot find ${which}`, `${machine.source} has no GPUs${seen}`, "--device cpu or --engine sim"];
  }
  const known = machine.visibleGpus === null
    ? machine.gpus.map((gpu) => gpu.id)
    : machine.gpus.map((_, at) => String(at));
  const ids = known.slice(0, count).join(",");
  return [
    `Cannot find ${which} of ${flag}`,
    `${machine.source} has GPUs ${ids}${seen}`,
    `${flag} with ids out of ${ids}`,
  ];
}

function doesNotDivide(groups: readonly (readonly string[])[], size: number, role: PdRole): [string, string, string] {
  const wrong = groups.find((group) => groups.length > 1 ? group.length !== size : group.length % size !== 0) ?? [];
  const ids = groups.flat();
  const fitting = chunks(ids.slice(0, Math.floor(ids.length / size) * size), size);
  return [
    `GPUs ${wrong.join(",")} of --${role}-gpus do not divide into workers of ${size}`,
    `a ${role} worker takes ${size} (tensor × pipeline × data parallel size)`,
    fitting.length > 0 ? `--${role}-gpus ${writeGpuList(fitting)}` : `--${role}-tp ${wrong.length}`,
  ];
}
