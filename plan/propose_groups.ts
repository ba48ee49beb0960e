// GPUs for the workers nobody listed any for, with the reason in one line, or why there are too few.

import { type PdCounts, writeGpuList } from "./gpu_list.ts";
import type { GpuWish, PdRole } from "./listed_gpus.ts";
import type { Machine } from "./machine.ts";
import type { Problem } from "./problem.ts";
import { countsThatFit, linkRank, proposeSplit, type Split } from "./propose_split.ts";

export interface Grouping extends Split {
  /** One line on what was proposed; null when all was listed. */
  readonly reason: string | null;
  readonly problems: readonly Problem[];
}

/** The groups the user listed; null for a role without a list. */
export type Listed = Readonly<Record<PdRole, readonly (readonly string[])[] | null>>;

/** vLLM wants 0.92 of a GPU's memory: one with less free would fail at start, so it is not proposed while others are idle. */
const idleShare = 0.9;

export function proposeGroups(given: Listed, counts: PdCounts | null, wish: GpuWish, machine: Machine): Grouping {
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
    : "not NVLink everywhere";
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
