// Counters of /metrics before and after, in the notation of the recordings' notes.

import type { Sim } from "../start_sim.ts";

/** What the recordings took note of. */
const watched = [
  "nixl_bytes_transferred_count",
  "nixl_bytes_transferred_sum",
  "nixl_num_failed_transfers_total",
  "external_prefix_cache_queries_total",
  "external_prefix_cache_hits_total",
  "prompt_tokens_by_source_total",
  "prompt_tokens_cached_by_source_total",
  "request_success_total",
];

export async function readCounters(sim: Sim): Promise<Record<string, number>> {
  const page = await (await fetch(`${sim.url}/metrics`)).text();
  const samples = page.matchAll(/^vllm:(\w+)\{(.*)\} (\S+)$/gm);
  return Object.fromEntries(
    [...samples].filter(([, name = ""]) => watched.includes(name)).map(([, name, labels = "", value]) => {
      const kept = labels.split(",").filter((label) => !/^(engine|model_name)=/.test(label));
      return [`${name}{${kept.join(",")}}`, Number(value)];
    }),
  );
}

export function changes(before: Record<string, number>, after: Record<string, number>): Record<string, number> {
  const all = Object.entries(after).map(([name, value]) => [name, value - (before[name] ?? 0)] as const);
  return Object.fromEntries(all.filter(([, change]) => change !== 0));
}

/** A recording's note without what time alone changes: lease ends and cache use. */
export function watchedOnly(note: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(note).filter(([name]) => watched.includes(name.replace(/\{.*/, ""))));
}
