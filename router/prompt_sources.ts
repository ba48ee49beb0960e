// Where a decode worker's own counters say that prompt tokens came from.

import type { EngineMetrics } from "../supervisor/engines/engine.ts";
import { sumOf } from "./worker_metrics.ts";

export interface PromptSources {
  /** Tokens that came from another engine. */
  readonly moved: number | null;
  /** Tokens that it computed itself. */
  readonly recomputed: number | null;
}

/** Null where the page does not tell. */
export function promptSourcesOf(page: string, metrics: EngineMetrics): PromptSources {
  const { promptTokensBySource, sourceLabel = "source", externalSource, localComputeSource, recomputed } = metrics;
  const bySource = (source: string) => sumOf(page, promptTokensBySource, `${sourceLabel}="${source}"`);
  return {
    moved: bySource(externalSource),
    // SGLang shows no such series as long as it has computed nothing.
    recomputed: recomputed === undefined
      ? bySource(localComputeSource)
      : sumOf(page, recomputed.metric, recomputed.labels) ?? 0,
  };
}
