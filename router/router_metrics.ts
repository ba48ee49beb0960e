// What the router counts about itself.

import type { UpstreamClient } from "./upstream/client.ts";
import type { Gate } from "./admission.ts";
import { type Counter, type Histogram, makeCounter, makeGauge, makeHistogram, type Series } from "./prometheus.ts";
import type { Siblings } from "./procs/siblings.ts";
import { sumMetrics } from "./procs/sum_metrics.ts";
import type { Roster, Slot } from "./roster.ts";
import type { Timeline } from "./timeline.ts";
import type { WorkerHealth } from "./worker_health.ts";

export interface RouterMetrics {
  /** Labels: path, status, how it ended (`complete`, `cut`, `client-left`, `error`). */
  readonly requests: Counter;
  /** Label: the connector's name, `none`, or `fallback`. */
  readonly handoffs: Counter;
  /** Labels: prefill, decode. */
  readonly pairHandoffs: Counter;
  /** Labels: leg, worker, what failed. */
  readonly legFailures: Counter;
  readonly retries: Counter;
  /** Attempts that the retry budget did not allow. */
  readonly retriesDenied: Counter;
  /** Times a worker was found to make no token. Label: worker. */
  readonly stalls: Counter;
  /** KV that prefill held for clients that left before decode. Label: `not pinned`, `one-token decode`, `lease`. */
  readonly releases: Counter;
  /** Prefill answered 200 but gave nothing to hand over: decode would have recomputed silently. Should stay 0. */
  readonly missingHandoffs: Counter;
  /** Prefills that were given decode's KV of the session's turn before. Label: `read`, `failed`. */
  readonly turnReuses: Counter;
  /** Prompt tokens a decode worker computed although their KV was handed over, by its own counters. Label: worker. */
  readonly recomputed: Counter;
  readonly rejected: Counter;
  observe(timeline: Timeline): void;
  /** Of all router processes. */
  text(): string;
  /** Of this one, what adds up with the others': the rest all processes know alike. */
  ownText(): string;
}

/** Seconds; from what an idle small model needs to a 128 k prompt on a busy one. */
const BOUNDS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];

export interface MetricSources {
  readonly gate: Gate;
  readonly roster: Roster;
  readonly health: WorkerHealth;
  readonly upstream: UpstreamClient;
  /** KV handles by state, from the ledger. */
  readonly handles: () => Readonly<Record<string, number>>;
  /** The other router processes; null where this is the only one, or not the one that answers for all. */
  readonly siblings: Pick<Siblings, "running" | "restarts" | "metrics"> | null;
}

export function makeRouterMetrics(sources: MetricSources): RouterMetrics {
  const counters = makeCounters();
  const phases = makePhases();
  const { siblings } = sources;
  const own: readonly Series[] = [...Object.values(counters), ...Object.values(phases), ...makeSocketSeries(sources)];
  const common: readonly Series[] = [...makeGauges(sources), ...(siblings === null ? [] : makeProcessSeries(siblings))];
  const textOf = (series: readonly Series[]) => {
    const lines: string[] = [];
    for (const one of series) one.write(lines);
    return `${lines.join("\n")}\n`;
  };
  return {
    ...counters,
    observe(timeline) {
      const { acceptedMs, admittedMs, prefillMs, repliedMs, decodeMs, firstByteMs, endMs } = timeline;
      between(phases.queue, acceptedMs, admittedMs);
      between(phases.prefill, prefillMs, repliedMs);
      if (decodeMs >= repliedMs) between(phases.handoff, repliedMs, decodeMs);
      between(phases.firstToken, decodeMs, firstByteMs);
      if (timeline.chunks > 1) phases.interChunk.observe((endMs - firstByteMs) / 1000 / (timeline.chunks - 1));
      between(phases.stream, firstByteMs, endMs);
      between(phases.ttft, acceptedMs, firstByteMs);
      between(phases.duration, acceptedMs, endMs);
    },
    text: () => {
      const ofAll = siblings === null ? textOf(own) : sumMetrics([textOf(own), ...siblings.metrics]);
      return ofAll + textOf(common);
    },
    ownText: () => textOf(own),
  };
}

function makeCounters() {
  return {
    requests: makeCounter("pdserve_requests_total", "Requests answered", ["path", "code", "end"]),
    handoffs: makeCounter("pdserve_handoffs_total", "Answers by how their KV came to decode", ["handoff"]),
    pairHandoffs: makeCounter("pdserve_pair_handoffs_total", "Handoffs that decode answered from, by pair", [
      "prefill",
      "decode",
    ]),
    legFailures: makeCounter("pdserve_leg_failures_total", "Failed legs", ["leg", "worker", "failure"]),
    retries: makeCounter("pdserve_retries_total", "Attempts after the first one", ["leg"]),
    retriesDenied: makeCounter("pdserve_retries_denied_total", "Attempts that the retry budget did not allow"),
    stalls: makeCounter("pdserve_worker_stalls_total", "Times a worker answered but made no token", ["worker"]),
    releases: makeCounter("pdserve_kv_releases_total", "KV given up before decode was asked, by how it came free", [
      "by",
    ]),
    missingHandoffs: makeCounter(
      "pdserve_missing_handoffs_total",
      "Prefill answered 200 without anything to hand over",
    ),
    turnReuses: makeCounter(
      "pdserve_turn_reuses_total",
      "Prefills that were given decode's KV of their session's turn before, by whether they read it",
      ["outcome"],
    ),
    recomputed: makeCounter(
      "pdserve_recomputed_tokens_total",
      "Prompt tokens computed again on decode by its own counters",
      ["worker"],
    ),
    rejected: makeCounter("pdserve_rejected_total", "Requests refused before a worker was asked", ["reason"]),
  };
}

function makePhases() {
  const phase = (value: string, help: string) =>
    makeHistogram("pdserve_phase_seconds", help, BOUNDS_S, { phase: value });
  return {
    ttft: makeHistogram("pdserve_time_to_first_token_seconds", "From accepted to decode's first byte", BOUNDS_S),
    duration: makeHistogram("pdserve_request_duration_seconds", "From accepted to the last byte", BOUNDS_S),
    interChunk: makeHistogram(
      "pdserve_inter_chunk_seconds",
      "Mean time between the chunks of a stream: the time for each token, where a chunk holds one",
      BOUNDS_S,
    ),
    queue: phase("queue", "Time in each phase of a request"),
    prefill: phase("prefill", ""),
    handoff: phase("handoff", ""),
    firstToken: phase("first_token", ""),
    stream: phase("stream", ""),
  };
}

function makeSocketSeries({ upstream }: MetricSources): readonly Series[] {
  return [
    makeGauge("pdserve_upstream_sockets", "Sockets to workers", () => {
      const { open, idle } = upstream.stats();
      return [[{ state: "busy" }, open - idle], [{ state: "idle" }, idle]];
    }),
    makeGauge("pdserve_upstream_sockets_opened_total", "Sockets opened so far", () => [
      [{}, upstream.stats().opened],
    ], "counter"),
    makeGauge("pdserve_upstream_stale_retries_total", "Requests sent again because a kept socket was dead", () => [
      [{}, upstream.stats().staleRetries],
    ], "counter"),
  ];
}

function makeProcessSeries(siblings: Pick<Siblings, "running" | "restarts">): readonly Series[] {
  return [
    makeGauge("pdserve_router_processes", "Router processes that serve", () => [[{}, 1 + siblings.running]]),
    makeGauge(
      "pdserve_router_restarts_total",
      "Router processes that died and were replaced",
      () => [[{}, siblings.restarts]],
      "counter",
    ),
  ];
}

function makeGauges({ gate, roster, health, handles }: MetricSources): readonly Series[] {
  const each = (read: (slot: Slot) => number) => () =>
    roster.all().map((slot) => [{ worker: slot.name, role: slot.worker.facts.role }, read(slot)] as const);
  return [
    makeGauge("pdserve_in_flight", "Requests being served", () => [[{}, gate.inside]]),
    makeGauge("pdserve_queued", "Requests waiting for a place", () => [[{}, gate.waiting]]),
    makeGauge("pdserve_worker_ready", "1 when the worker takes requests", each((slot) => isReady(slot, roster))),
    makeGauge(
      "pdserve_worker_stale_weights",
      "1 when the worker runs but has missed the trainer's last weights",
      each((slot) => roster.stale.includes(slot) ? 1 : 0),
    ),
    makeGauge("pdserve_worker_in_flight", "Legs running on the worker", each((slot) => slot.inFlight)),
    makeGauge("pdserve_worker_handoffs", "Handoffs that pin the worker's KV", each((slot) => slot.window.inside)),
    makeGauge(
      "pdserve_worker_handoff_places",
      "Handoffs that may pin the worker's KV, as its memory allows",
      each((slot) => slot.window.places),
    ),
    makeGauge(
      "pdserve_worker_waiting",
      "Requests waiting for the worker",
      each((slot) => slot.room.waiting + slot.window.waiting),
    ),
    makeGauge(
      "pdserve_avoided",
      "1 for workers and pairs left alone after failures",
      () => health.avoided().map((who) => [{ who }, 1] as const),
    ),
    makeGauge(
      "pdserve_kv_handles",
      "KV handles by what became of them",
      () => Object.entries(handles()).map(([state, count]) => [{ state }, count] as const),
    ),
  ];
}

function isReady(slot: Slot, { stale }: Roster): number {
  return slot.worker.state.is === "ready" && !stale.includes(slot) ? 1 : 0;
}

function between(histogram: Histogram, fromMs: number, toMs: number): void {
  if (fromMs > 0 && toMs > 0) histogram.observe((toMs - fromMs) / 1000);
}
