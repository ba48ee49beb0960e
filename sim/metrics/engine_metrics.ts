// The numbers of one engine: counters, gauges and histograms, by family name without `vllm:`.

import type { Family } from "./families.ts";

export interface HistogramValue {
  readonly buckets: readonly number[];
  /** Not cumulative; the last one is above every bucket. */
  readonly counts: number[];
  sum: number;
}

export class EngineMetrics {
  readonly createdAtMs: number;
  readonly #numbers = new Map<string, number>();
  readonly #histograms = new Map<string, HistogramValue>();

  constructor(families: readonly Family[], createdAtMs: number) {
    this.createdAtMs = createdAtMs;
    for (const family of families) {
      if (family.buckets) {
        const counts = Array.from({ length: family.buckets.length + 1 }, () => 0);
        this.#histograms.set(family.name, { buckets: family.buckets, counts, sum: 0 });
      } else for (const value of family.label?.values ?? [""]) this.#numbers.set(key(family.name, value), 0);
    }
  }

  add(name: string, amount = 1, labelValue = ""): void {
    const at = key(`vllm:${name}`, labelValue);
    this.#numbers.set(at, (this.#numbers.get(at) ?? 0) + amount);
  }

  set(name: string, value: number, labelValue = ""): void {
    this.#numbers.set(key(`vllm:${name}`, labelValue), value);
  }

  observe(name: string, value: number): void {
    const histogram = this.#histograms.get(`vllm:${name}`);
    if (!histogram) throw new Error(`no histogram vllm:${name}`);
    const bucket = histogram.buckets.findIndex((most) => value <= most);
    const at = bucket < 0 ? histogram.buckets.length : bucket;
    histogram.counts[at] = (histogram.counts[at] ?? 0) + 1;
    histogram.sum += value;
  }

  number(family: string, labelValue = ""): number {
    return this.#numbers.get(key(family, labelValue)) ?? 0;
  }

  histogram(family: string): HistogramValue | null {
    return this.#histograms.get(family) ?? null;
  }
}

function key(family: string, labelValue: string): string {
  return `${family} ${labelValue}`;
}
