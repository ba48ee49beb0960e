// Which GPUs make up which worker: what the user listed, checked; what they left open, proposed.

import { type PdCounts, readPdCounts, writeGpuList } from "./gpu_list.ts";
import { type GpuWish, listedGpus, type PdRole, typedId } from "./listed_gpus.ts";
import type { Machine } from "./machine.ts";
import type { Problem } from "./problem.ts";
import { countsThatFit, linkRank, proposeSplit, type Split } from "./propose_split.ts";
import { originText, type Sourced } from "./spec.ts";

export interface Grouping extends Split {
  /** One line on what was proposed; null when all was listed. */
  readonly reason: string | null;
  readonly problems: readonly Problem[];
}

export function groupGpus(wish: GpuWish, machine: Machine): Grouping {
  const problems: Problem[] = [];
  const counts = wish.pd.value === null ? null : readPdCounts(wish.pd.value);
  if (wish.pd.value !== null && counts === null) problems.push(badPd(wish.pd));
  const prefill = listedGpus("prefill", wish, counts, machine, problems);
  const decode = listedGpus("decode", wish, counts, machine, problems);
  if (prefill !== null && decode !== null) checkBothRoles({ prefill, decode }, wish, machine, problems);
  if (problems.length > 0) return { prefill: [], decode: [], reason: null, problems };
  if (prefill !== null && decode !== null) return { prefill, decode, reason: null, problems };
  return wish.namesOnly
    ? nameGroups({ prefill, decode }, counts, wish)
    : proposeGroups({ prefill, decode }, counts, wish, machine);
}

type Listed = Readonly<Record<PdRole, readonly (readonly string[])[] | null>>;

function checkBothRoles(given: Split, wish: GpuWish, machine: Machine, problems: Problem[]): void {
  const both = given.prefill.flat().filter((id) => given.decode.flat().includes(id));
  if (both.length === 0) return;
  const [prefill, decode] = apart(given, both);
  const typed = (groups: Split["prefill"]) => writeGpuList(groups.map((ids) => ids.map((id) => typedId(id, machine))));
  const which = `${both.length === 1 ? "GPU" : "GPUs"} ${both.map((id) => typedId(id, machine)).join(", ")}`;
  problems.push({
    what: `${which} ${both.length === 1 ? "is" : "are"} in both --prefill-gpus and --decode-gpus`,
    why: "a GPU runs one role",
    fix: prefill.length > 0 && decode.length > 0
      ? `--prefill-gpus ${typed(prefill)} --decode-gpus ${typed(decode)}`
      : "list different GPUs for the two",
    where: originText(wish.gpus.decode.origin),
    severity: "error",
    exitCode: 2,
  });
}

/** Lists without the overlap: decode gives way, and where nothing would be left of it the GPUs are halved. */
function apart({ prefill, decode }: Split, both: readonly string[]): [Split["prefill"], Split["decode"]] {
  const left = decode.map((group) => group.filter((id) => !both.includes(id))).filter((group) => group.length > 0);
  if (left.length > 0) return [prefill, left];
  const half = Math.floor(prefill.length / 2);
  return [prefill.slice(0, half), prefill.slice(half)];
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
