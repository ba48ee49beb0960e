// Which GPUs make up which worker: what the user listed, checked; what they left open, proposed.

import { type PdCounts, readGpuList, readPdCounts, writeGpuList } from "./gpu_list.ts";
import type { Machine } from "./machine.ts";
import type { Problem } from "./problem.ts";
import { countsThatFit, linkRank, proposeSplit, type Split } from "./propose_split.ts";
import { originText, type Sourced } from "./spec.ts";

type PdRole = "prefill" | "decode";

export interface GpuWish {
  /** `--prefill-gpus` and `--decode-gpus` as written. */
  readonly gpus: Readonly<Record<PdRole, Sourced<string | null>>>;
  /** GPUs per worker; null when not said: then one, or what the groups or `--pd` imply. */
  readonly sizes: Readonly<Record<PdRole, number | null>>;
  readonly pd: Sourced<string | null>;
  /** No GPUs are used (CPU, simulator): ids are names and any will do. */
  readonly namesOnly: boolean;
}

export interface Grouping extends Split {
  /** One line on what was proposed; null when all was listed. */
  readonly reason: string | null;
  readonly problems: readonly Problem[];
}

export function groupGpus(wish: GpuWish, machine: Machine): Grouping {
  const problems: Problem[] = [];
  const counts = wish.pd.value === null ? null : readPdCounts(wish.pd.value);
  if (wish.pd.value !== null && counts === null) problems.push(badPd(wish.pd));
  const prefill = listed("prefill", wish, counts, machine, problems);
  const decode = listed("decode", wish, counts, machine, problems);
  if (prefill !== null && decode !== null) checkBothRoles(prefill, decode, wish, problems);
  if (problems.length > 0) return { prefill: [], decode: [], reason: null, problems };
  if (prefill !== null && decode !== null) return { prefill, decode, reason: null, problems };
  return wish.namesOnly
    ? nameGroups({ prefill, decode }, counts, wish)
    : proposeGroups({ prefill, decode }, counts, wish, machine);
}

type Listed = Readonly<Record<PdRole, readonly (readonly string[])[] | null>>;

/** The groups the user listed for one role, by physical id; null when nothing was listed. */
function listed(role: PdRole, wish: GpuWish, counts: PdCounts | null, machine: Machine, problems: Problem[]) {
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
  const twice = ids.find((id, at) => ids.indexOf(id) !== at);
  if (twice !== undefined) {
    const once = [...new Set(ids)].join(",");
    return say(`GPU ${twice} is listed twice in ${flag}`, "a GPU belongs to one worker", `${flag} ${once}`);
  }
  const unknown = wish.namesOnly ? [] : ids.filter((id) => physicalId(id, machine) === null);
  if (unknown.length > 0) return say(...unknownGpus(unknown, flag, machine));
  const chosen = wish.namesOnly ? groups : groups.map((group) => group.map((id) => physicalId(id, machine) ?? id));
  const size = wish.sizes[role] ?? impliedSize(chosen, counts?.[role] ?? null);
  if (chosen.some((group) => group.length % size !== 0)) return say(...doesNotDivide(chosen, size, role));
  const workers = chosen.flatMap((group) => chunks(group, size));
  const wanted = counts?.[role] ?? workers.length;
  if (workers.length === wanted) return workers;
  return say(
    `${flag} "${text}" makes ${workers.length} ${role} workers of ${size}, but --pd asks for ${wanted}`,
    "--pd and the list must agree where both are given",
    `leave out --pd, or list ${wanted * size} GPUs`,
  );
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
function physicalId(id: string, machine: Machine): string | null {
  const gpus = machine.visibleGpus === null
    ? machine.gpus
    : machine.visibleGpus.flatMap((visible) => machine.gpus.filter((gpu) => gpu.id === visible));
  const found = /^\d+$/.test(id) && machine.visibleGpus !== null
    ? gpus[Number(id)]
    : gpus.find((gpu) => gpu.id === id) ?? gpus.find((gpu) => id.startsWith("GPU-") && gpu.uuid?.startsWith(id));
  return found?.id ?? null;
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

function doesNotDivide(
  groups: readonly (readonly string[])[],
  size: number,
  role: PdRole,
): [string, string, string] {
  const count = groups.find((group) => group.length % size !== 0)?.length ?? 0;
  const fitting = groups.flat().slice(0, Math.floor(groups.flat().length / size) * size);
  return [
    `${count} GPUs of --${role}-gpus do not divide into workers of ${size}`,
    `a ${role} worker takes ${size} GPUs (tensor × pipeline × data parallel size)`,
    fitting.length > 0 ? `--${role}-gpus ${fitting.join(",")}` : `--${role}-tp ${count}`,
  ];
}

function checkBothRoles(prefill: Split["prefill"], decode: Split["decode"], wish: GpuWish, problems: Problem[]): void {
  const both = prefill.flat().filter((id) => decode.flat().includes(id));
  if (both.length === 0) return;
  const left = decode.map((group) => group.filter((id) => !both.includes(id))).filter((group) => group.length > 0);
  const start = Math.max(-1, ...[...prefill, ...decode].flat().map(Number).filter(Number.isInteger)) + 1;
  const other = left.length > 0 ? writeGpuList(left) : prefill.flat().map((_, at) => start + at).join(",");
  problems.push({
    what: `${both.length === 1 ? "GPU" : "GPUs"} ${both.join(", ")} ${
      both.length === 1 ? "is" : "are"
    } in both --prefill-gpus and --decode-gpus`,
    why: "a GPU runs one role",
    fix: `--prefill-gpus ${writeGpuList(prefill)} --decode-gpus ${other}`,
    where: originText(wish.gpus.decode.origin),
    severity: "error",
    exitCode: 2,
  });
}

function badPd(pd: Sourced<string | null>): Problem {
  return {
    what: `--pd cannot be "${pd.value}"`,
    why: "it counts prefill and decode workers, at least one of each",
    fix: "--pd 1P1D",
    where: originText(pd.origin),
    severity: "error",
    exitCode: 2,
  };
}

function nameGroups(given: Listed, counts: PdCounts | null, wish: GpuWish): Grouping {
  const taken = new Set([...(given.prefill ?? []), ...(given.decode ?? [])].flat());
  let next = 0;
  const name = () => {
    while (taken.has(String(next))) next++;
    return String(next++);
  };
  const named = (role: PdRole) =>
    given[role] ??
      Array.from({ length: counts?.[role] ?? 1 }, () => Array.from({ length: wish.sizes[role] ?? 1 }, name));
  return { prefill: named("prefill"), decode: named("decode"), reason: null, problems: [] };
}

/** vLLM wants 0.92 of a GPU's memory: one with less free would fail at start, so it is not proposed while others are idle. */
const idleShare = 0.9;

function proposeGroups(given: Listed, counts: PdCounts | null, wish: GpuWish, machine: Machine): Grouping {
  const taken = new Set([...(given.prefill ?? []), ...(given.decode ?? [])].flat());
  const visible = machine.gpus.filter((gpu) => machine.visibleGpus?.includes(gpu.id) ?? true);
  const open = visible.filter((gpu) => !taken.has(gpu.id));
  const idle = open.filter((gpu) => gpu.freeBytes >= gpu.totalBytes * idleShare);
  const sizes = { prefill: wish.sizes.prefill ?? 1, decode: wish.sizes.decode ?? 1 };
  for (const candidates of [idle, open]) {
    const wanted = countsFor(given, counts, candidates.length, sizes);
    const split = wanted && proposeSplit({
      free: candidates.map((gpu) => gpu.id),
      counts: wanted,
      sizes,
      link: (a, b) => machine.links[a]?.[b] ?? null,
    });
    if (split) {
      const whole = { prefill: given.prefill ?? split.prefill, decode: given.decode ?? split.decode };
      return {
        ...whole,
        reason: reasonFor(whole, visible.length, open.length - candidates.length, machine),
        problems: [],
      };
    }
  }
  return { prefill: [], decode: [], reason: null, problems: [tooFew(given, counts, sizes, visible.length, machine)] };
}

/** How many workers are still to be placed. */
function countsFor(given: Listed, counts: PdCounts | null, gpuCount: number, sizes: PdCounts): PdCounts | null {
  if (given.prefill === null && given.decode === null) return counts ?? countsThatFit(gpuCount, sizes);
  const rest = (role: PdRole) => given[role] === null ? counts?.[role] ?? Math.floor(gpuCount / sizes[role]) : 0;
  const wanted = { prefill: rest("prefill"), decode: rest("decode") };
  return wanted.prefill + wanted.decode > 0 ? wanted : null;
}

function reasonFor(split: Split, gpuCount: number, busy: number, machine: Machine): string {
  const rank = (a: string, b: string) => linkRank(machine.links[a]?.[b] ?? null);
  const pairs = split.decode.map((group, at) => [split.prefill[at % split.prefill.length] ?? [], group] as const);
  const ranks = pairs.flatMap(([from, to]) => from.flatMap((a) => to.map((b) => rank(a, b))));
  const links = ranks.every((value) => value >= 100)
    ? "NVLink between the two"
    : ranks.every((value) => value === 0)
    ? "links unknown"
    : "best links there are, without NVLink everywhere";
  const idle = busy > 0 ? `, ${busy} left out because their memory is in use` : "";
  return `${gpuCount} GPUs: prefill ${writeGpuList(split.prefill)} · decode ${
    writeGpuList(split.decode)
  } (${links}${idle})`;
}

function tooFew(given: Listed, counts: PdCounts | null, sizes: PdCounts, gpuCount: number, machine: Machine): Problem {
  const need = (["prefill", "decode"] as const)
    .map((role) => given[role]?.flat().length ?? (counts?.[role] ?? 1) * sizes[role])
    .reduce((a, b) => a + b);
  const have = gpuCount === 1 ? "1 GPU" : `${gpuCount} GPUs`;
  return {
    what: gpuCount === 0 ? "Cannot find a GPU" : `Cannot place ${need} GPUs' worth of workers on ${have}`,
    why: gpuCount === 0
      ? `neither NVML nor nvidia-smi shows one on ${machine.source}`
      : `prefill and decode need GPUs of their own, ${need} here, and ${machine.source} has ${gpuCount}`,
    fix: gpuCount < 2
      ? "--engine sim, or --device cpu with a CPU build of vLLM"
      : `--pd 1P1D --tp ${Math.floor(gpuCount / 2)}`,
    where: "machine",
    severity: "error",
    exitCode: 2,
  };
}
