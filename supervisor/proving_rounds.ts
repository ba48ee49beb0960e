// Which prefill→decode pairs a canary tries, and which of them at the same time.

export type Pair<T> = readonly [prefill: T, decode: T];

/** Pairs that are tried one by one take about a second each on a real engine the first time: beyond this each worker is tried once. */
const MAX_PAIRS = 16;

/**
 * Rounds of pairs; within a round no worker appears twice, because a proof reads the workers' counters before and after. Every pair
 * when there are few, otherwise every worker at least once.
 */
export function provingRounds<T>(prefills: readonly T[], decodes: readonly T[]): readonly (readonly Pair<T>[])[] {
  if (prefills.length === 0 || decodes.length === 0) return [];
  const [longer, shorter] = prefills.length >= decodes.length ? [prefills, decodes] : [decodes, prefills];
  const all = Array.from({ length: longer.length }, (_, shift) =>
    shorter.flatMap((one, index): readonly Pair<T>[] => {
      const other = longer[(index + shift) % longer.length];
      if (other === undefined) return [];
      return [longer === prefills ? [other, one] : [one, other]];
    }));
  const everyPair = prefills.length * decodes.length <= MAX_PAIRS;
  return everyPair ? all : all.filter((_, shift) => shift % shorter.length === 0);
}
