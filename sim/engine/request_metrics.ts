// What a request adds to /metrics: at its first token, and at its end.

import type { EngineMetrics } from "../metrics/engine_metrics.ts";
import { type ActiveRequest, generatedCount } from "./active_request.ts";

/** A new token at `nowMs`; the prompt is counted with the first one. */
export function countToken(active: ActiveRequest, metrics: EngineMetrics, nowMs: number): void {
  const { times } = active;
  metrics.add("generation_tokens");
  if (generatedCount(active) === 1) {
    times.firstTokenMs = nowMs;
    metrics.observe("time_to_first_token_seconds", (nowMs - active.request.arrivedMs) / 1000);
    countPrompt(active, metrics);
  } else metrics.observe("inter_token_latency_seconds", (nowMs - times.lastTokenMs) / 1000);
  times.lastTokenMs = nowMs;
}

export function countEnd(active: ActiveRequest, metrics: EngineMetrics, reason: string): void {
  const { request, times } = active;
  const generated = generatedCount(active);
  metrics.add("request_success", 1, reason);
  if (generated === 0) return;
  const seconds = (from: number, to: number) => Math.max(0, to - from) / 1000;
  const decode = seconds(times.firstTokenMs, times.lastTokenMs);
  metrics.observe("request_prompt_tokens", request.promptIds.length);
  metrics.observe("request_generation_tokens", generated);
  metrics.observe("request_max_num_generation_tokens", request.sampling.maxTokens);
  metrics.observe("request_params_n", request.sampling.n);
  metrics.observe("request_params_max_tokens", request.sampling.maxTokens);
  metrics.observe("request_time_per_output_token_seconds", generated > 1 ? decode / (generated - 1) : 0);
  metrics.observe("e2e_request_latency_seconds", seconds(request.arrivedMs, times.lastTokenMs));
  metrics.observe("request_queue_time_seconds", seconds(request.arrivedMs, times.runningMs));
  metrics.observe("request_inference_time_seconds", seconds(times.runningMs, times.lastTokenMs));
  metrics.observe("request_prefill_time_seconds", seconds(times.runningMs, times.firstTokenMs));
  metrics.observe("request_decode_time_seconds", decode);
  metrics.observe("request_num_preemptions", active.preemptions);
  metrics.observe("request_prefill_kv_computed_tokens", request.promptIds.length - active.cachedTokens);
}

/** Tokens that came from elsewhere count as external even though the last one was computed again here. */
function countPrompt(active: ActiveRequest, metrics: EngineMetrics): void {
  const prompt = active.request.promptIds.length;
  const computed = prompt - active.cachedTokens - active.loadedTokens;
  metrics.add("prompt_tokens", prompt);
  metrics.add("prompt_tokens_by_source", computed, "local_compute");
  metrics.add("prompt_tokens_by_source", active.cachedTokens, "local_cache_hit");
  metrics.add("prompt_tokens_by_source", active.loadedTokens, "external_kv_transfer");
  metrics.add("prompt_tokens_cached", active.cachedTokens + active.loadedTokens);
}
