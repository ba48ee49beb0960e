// Medians over the repetitions, with the direct path subtracted from what only a difference can tell.

import type { Sample } from "./sample.ts";

/** The name under which the path without a router is measured. */
export const direct = "direct";

export interface Summary {
  readonly router: string;
  readonly scenario: string;
  readonly requestsPerSecond: number;
  readonly cpuUsPerRequest: number;
  readonly cpuUsPerChunk: number;
  /** Null for the direct path itself. */
  readonly addedTtftUs: { readonly p50: number; readonly p99: number } | null;
  readonly addedChunkUs: { readonly p50: number; readonly p99: number } | null;
  readonly memoryMb: number;
  readonly errors: number;
  /** Half the range of the CPU figure over its median: how far to trust it. */
  readonly spread: number;
  readonly noisy: number;
  readonly repeats: number;
}

/** One summary for each scenario and router, in the order of the first samples. */
export function summarise(samples: readonly Sample[]): readonly Summary[] {
  const groups = Map.groupBy(samples, ({ scenario, router }) => `${scenario}\0${router}`);
  return [...groups.values()].map((group) => {
    const { scenario, router } = group[0]!;
    const base = groups.get(`${scenario}\0${direct}`) ?? [];
    const added = (read: (sample: Sample) => number): number => median(group.map(read)) - median(base.map(read));
    const isAdded = router !== direct && base.length > 0;
    return {
      router,
      scenario,
      requestsPerSecond: median(group.map((sample) => sample.requestsPerSecond)),
      cpuUsPerRequest: median(group.map((sample) => sample.cpuUsPerRequest)),
      cpuUsPerChunk: median(group.map((sample) => sample.cpuUsPerChunk)),
      addedTtftUs: isAdded ? { p50: added((s) => s.ttftUs.p50), p99: added((s) => s.ttftUs.p99) } : null,
      addedChunkUs: isAdded ? { p50: added((s) => s.chunkUs.p50), p99: added((s) => s.chunkUs.p99) } : null,
      memoryMb: median(group.map((sample) => sample.memoryMb)),
      errors: group.reduce((sum, sample) => sum + sample.errors, 0),
      spread: spreadOf(group.map((sample) => sample.cpuUsPerRequest)),
      noisy: group.filter((sample) => sample.isNoisy).length,
      repeats: group.length,
    };
  });
}

/** Of the values that are numbers; NaN when there are none. */
export function median(values: readonly number[]): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  const middle = sorted.length / 2;
  if (sorted.length === 0) return NaN;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function spreadOf(values: readonly number[]): number {
  const centre = median(values);
  return centre === 0 ? 0 : (Math.max(...values) - Math.min(...values)) / 2 / centre;
}
