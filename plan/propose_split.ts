// Which GPUs should prefill and which decode, when the user leaves it to us?

import type { PdCounts } from "./gpu_list.ts";
import type { Link } from "./machine.ts";

export interface SplitWish {
  /** Ids to choose from, in the machine's order. */
  readonly free: readonly string[];
  readonly counts: PdCounts;
  /** GPUs per worker. */
  readonly sizes: PdCounts;
  link(a: string, b: string): Link | null;
}

export interface Split {
  readonly prefill: readonly (readonly string[])[];
  readonly decode: readonly (readonly string[])[];
}

/** As many pairs as fit; what is left over decodes, because decode workers set how many requests run at once. */
export function countsThatFit(gpuCount: number, sizes: PdCounts): PdCounts | null {
  const pairs = Math.floor(gpuCount / (sizes.prefill + sizes.decode));
  if (pairs === 0) return null;
  const left = gpuCount - pairs * (sizes.prefill + sizes.decode);
  return { prefill: pairs, decode: pairs + Math.floor(left / sizes.decode) };
}

/**
 * Keeps the GPUs of one worker, then each prefill worker and the decode worker placed with it, on the best links.
 * Where all links are alike it is the plain order: prefill first. Null when there are too few GPUs.
 */
export function proposeSplit(wish: SplitWish): Split | null {
  const { free, counts, sizes } = wish;
  if (counts.prefill * sizes.prefill + counts.decode * sizes.decode > free.length) return null;
  if (allAlike(free, wish)) return inOrder(wish);
  const left = new Set(free);
  const split = { prefill: [] as string[][], decode: [] as string[][] };
  while (split.prefill.length < counts.prefill || split.decode.length < counts.decode) {
    const place = bestPlace([...left], {
      prefill: split.prefill.length < counts.prefill ? sizes.prefill : 0,
      decode: split.decode.length < counts.decode ? sizes.decode : 0,
    }, wish);
    for (const id of [...place.prefill, ...place.decode]) left.delete(id);
    if (place.prefill.length > 0) split.prefill.push(place.prefill);
    if (place.decode.length > 0) split.decode.push(place.decode);
  }
  return split;
}

function allAlike(ids: readonly string[], wish: SplitWish): boolean {
  const ranks = new Set(ids.flatMap((a, at) => ids.slice(at + 1).map((b) => linkRank(wish.link(a, b)))));
  return ranks.size <= 1;
}

function inOrder({ free, counts, sizes }: SplitWish): Split {
  const take = (from: number, count: number, size: number) =>
    Array.from({ length: count }, (_, worker) => free.slice(from + worker * size, from + (worker + 1) * size));
  return {
    prefill: take(0, counts.prefill, sizes.prefill),
    decode: take(counts.prefill * sizes.prefill, counts.decode, sizes.decode),
  };
}

interface Place {
  readonly prefill: string[];
  readonly decode: string[];
}

/** Tries each free GPU as the first of the pair; the lowest id wins among equals. */
function bestPlace(free: readonly string[], sizes: PdCounts, wish: SplitWish): Place {
  let best: { place: Place; inside: number; between: number } | null = null;
  for (const seed of free) {
    const pair = cluster([seed], free, Math.max(sizes.prefill, 1), wish);
    const prefill = sizes.prefill > 0 ? pair : [];
    const rest = free.filter((id) => !prefill.includes(id));
    const decode = cluster(prefill.length > 0 ? [] : [seed], rest, sizes.decode, wish, prefill);
    const inside = Math.min(weakest(prefill, prefill, wish), weakest(decode, decode, wish));
    const between = weakest(prefill, decode, wish);
    if (best === null || inside > best.inside || (inside === best.inside && between > best.between)) {
      best = { place: { prefill, decode }, inside, between };
    }
  }
  return best?.place ?? { prefill: [], decode: [] };
}

/** Grows `start` to `size` ids, each time by the one whose weakest link to the group, else to `beside`, is best. */
function cluster(
  start: string[],
  free: readonly string[],
  size: number,
  wish: SplitWish,
  beside: readonly string[] = [],
): string[] {
  const group = start.slice(0, size);
  while (group.length < size) {
    const candidates = free.filter((id) => !group.includes(id));
    const score = (id: string) => weakest([id], group.length > 0 ? group : beside, wish);
    const next = candidates.reduce((best, id) => score(id) > score(best) ? id : best, candidates[0] ?? "");
    group.push(next);
  }
  return group.toSorted((a, b) => wish.free.indexOf(a) - wish.free.indexOf(b));
}

function weakest(some: readonly string[], others: readonly string[], wish: SplitWish): number {
  return Math.min(
    ...some.flatMap((a) => others.filter((b) => b !== a).map((b) => linkRank(wish.link(a, b)))),
  );
}

const pcieRanks: Readonly<Record<string, number>> = { SYS: 1, NODE: 2, PHB: 3, PXB: 4, PIX: 5 };

/** Higher is better: NVLink by its number of links, then the PCIe paths of `nvidia-smi topo -m`; 0 is unknown. */
export function linkRank(link: Link | null): number {
  const nvlinks = /^NV(\d+)$/.exec(link ?? "");
  return nvlinks === null ? pcieRanks[link ?? ""] ?? 0 : 100 + Number(nvlinks[1]);
}
