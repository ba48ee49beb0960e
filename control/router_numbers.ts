// The few numbers of the router that a status line shows, read from its own series.

import { sumOf } from "../router/worker_metrics.ts";

export interface RouterNumbers {
  readonly in_flight: number;
  readonly queued: number;
  /** Processes that share the API's port and serve now. */
  readonly router_processes: number;
  readonly requests: number;
  /** Milliseconds, as far as the buckets tell; null before the first request. */
  readonly ttft_ms: { readonly p50: number; readonly p99: number } | null;
}

const TTFT = "pdserve_time_to_first_token_seconds";

export function routerNumbers(metricsText: string): RouterNumbers {
  const p50 = quantile(metricsText, TTFT, 0.5);
  const p99 = quantile(metricsText, TTFT, 0.99);
  return {
    in_flight: sumOf(metricsText, "pdserve_in_flight") ?? 0,
    queued: sumOf(metricsText, "pdserve_queued") ?? 0,
    router_processes: sumOf(metricsText, "pdserve_router_processes") ?? 1,
    requests: sumOf(metricsText, "pdserve_requests") ?? 0,
    ttft_ms: p50 === null || p99 === null ? null : { p50: p50 * 1000, p99: p99 * 1000 },
  };
}

/** Workers that run but get no request until their trainer has brought them its weights. */
export function staleWorkers(metricsText: string): ReadonlySet<string> {
  const lines = metricsText.matchAll(/^pdserve_worker_stale_weights\{worker="([^"]+)"[^}]*\} 1$/gm);
  return new Set([...lines].map(([, name = ""]) => name));
}

/** The upper bound of the bucket in which the share lies; null when nothing was observed or it lies beyond all bounds. */
function quantile(text: string, histogram: string, share: number): number | null {
  const buckets = [...text.matchAll(new RegExp(`^${histogram}_bucket\\{le="([^"]+)"\\} (\\d+)`, "gm"))]
    .map(([, le = "", count = "0"]) => ({ le: Number(le.replace("+Inf", "Infinity")), count: Number(count) }));
  const total = buckets.at(-1)?.count ?? 0;
  const found = buckets.find(({ count }) => total > 0 && count >= total * share);
  return found === undefined || !Number.isFinite(found.le) ? null : found.le;
}
