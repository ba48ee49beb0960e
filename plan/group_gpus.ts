// Which GPUs make up which worker: what the user listed, checked; what they left open, proposed.

import { type PdCounts, readPdCounts, writeGpuList } from "./gpu_list.ts";
import { type GpuWish, listedGpus, type PdRole, saidGpus, typedId } from "./listed_gpus.ts";
import type { Machine } from "./machine.ts";
import type { Problem } from "./problem.ts";
import { type Grouping, type Listed, proposeGroups } from "./propose_groups.ts";
import type { Split } from "./propose_split.ts";
import { originText, type Sourced } from "./spec.ts";

export function groupGpus(wish: GpuWish, machine: Machine): Grouping {
  const problems: Problem[] = [];
  const counts = wish.pd.value === null ? null : readPdCounts(wish.pd.value);
  if (wish.pd.value !== null && counts === null) problems.push(badPd(wish.pd));
  const prefill = listedGpus("prefill", wish, counts, machine, problems);
  const decode = listedGpus("decode", wish, counts, machine, problems);
  checkBothRoles({ prefill: prefill ?? [], decode: decode ?? [] }, wish, machine, problems);
  if (problems.length > 0) return { prefill: [], decode: [], reason: null, problems };
  if (prefill !== null && decode !== null) return { prefill, decode, reason: null, problems };
  return wish.namesOnly
    ? nameGroups({ prefill, decode }, counts, wish)
    : proposeGroups({ prefill, decode }, counts, wish, machine);
}

function checkBothRoles(given: Split, wish: GpuWish, machine: Machine, problems: Problem[]): void {
  // Of the lists as written: one that is wrong besides has no groups.
  const decodeIds = saidGpus("decode", wish, machine);
  const both = [...new Set(saidGpus("prefill", wish, machine))].filter((id) => decodeIds.includes(id));
  if (both.length === 0) return;
  const [prefill, decode] = apart(given, both);
  const typed = (groups: Split["prefill"]) => writeGpuList(groups.map((ids) => ids.map((id) => typedId(id, machine))));
  const which = `${both.length === 1 ? "GPU" : "GPUs"} ${both.map((id) => typedId(id, machine)).join(", ")}`;
  problems.push({
    what: `${which} ${both.length === 1 ? "is" : "are"} in both --prefill-gpus and --decode-gpus`,
    why: "a GPU runs one role",
    fix: given.decode.length > 0 && prefill.length > 0 && decode.length > 0
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
  const taken = new Set([...(given.prefill ?? []), ...(given.decode ?? []), wish.takenNames ?? []].flat());
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
