// Which data parallel rank of a prefill worker serves an attempt, where the router must say it before prefill answers.

import type { LegContext } from "./connector.ts";

/** The same for all calls of one attempt, and spread evenly over the ranks by the attempt's random digits. */
export function pinnedRank({ prefill, nonce }: LegContext): number {
  return prefill.dp === 1 ? 0 : Number.parseInt(nonce.slice(0, 8), 16) % prefill.dp;
}

/** vLLM sends a request with this header to that rank; it answers 400 for a rank it does not have. */
export function dpRankHeaders(context: LegContext): Readonly<Record<string, string>> {
  return context.prefill.dp === 1 ? {} : { "x-data-parallel-rank": String(pinnedRank(context)) };
}

/** vLLM adds `_dp<rank>` to a configured engine id when there is more than one rank. */
export function rankedEngineId(engineId: string, context: LegContext): string {
  return context.prefill.dp === 1 ? engineId : `${engineId}_dp${pinnedRank(context)}`;
}
