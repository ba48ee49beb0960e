// What the router is meant to cost at most, as ratios to others in the same run.

import { ratio, table } from "./print_table.ts";
import type { Summary } from "./summarise.ts";

interface Target {
  readonly figure: string;
  readonly scenario: string;
  readonly read: (summary: Summary) => number | undefined;
  /** The highest ratio to each peer. */
  readonly atMost: Readonly<Record<string, number>>;
}

const perRequest = (summary: Summary): number => summary.cpuUsPerRequest;
const perChunk = (summary: Summary): number => summary.cpuUsPerChunk;
const ttftP50 = (summary: Summary): number | undefined => summary.addedTtftUs?.p50;
const ttftP99 = (summary: Summary): number | undefined => summary.addedTtftUs?.p99;

const ttft = ([scenario, load]: readonly [string, string]): Target[] => [
  { figure: `added TTFT p50, ${load}`, scenario, read: ttftP50, atMost: { "vllm-router": 0.8 } },
  { figure: `added TTFT p99, ${load}`, scenario, read: ttftP99, atMost: { "vllm-router": 1 } },
];

const targets: readonly Target[] = [
  {
    figure: "CPU per request, 1 chunk",
    scenario: "saturation",
    read: perRequest,
    atMost: { "vllm-router": 0.35, smg: 0.2 },
  },
  {
    figure: "CPU per request, bursts of 64 chunks",
    scenario: "burst64",
    read: perRequest,
    atMost: { "vllm-router": 0.1, nginx: 1 },
  },
  {
    figure: "CPU per chunk, 96 streams at 5 ms",
    scenario: "paced96",
    read: perChunk,
    atMost: { "vllm-router": 0.85, nginx: 1.3 },
  },
  {
    figure: "CPU per chunk, 1,000 streams at 50 ms",
    scenario: "streams1000",
    read: perChunk,
    atMost: { "vllm-router": 0.75 },
  },
  ...([["low-load", "low load"], ["paced96", "96 streams"], ["streams1000", "1,000 streams"]] as const).flatMap(ttft),
  { figure: "added TTFT p50, 1 MB body", scenario: "body-1000k", read: ttftP50, atMost: { haproxy: 1.2 } },
];
const maxMemoryMb = 80;

/** Rows for what was measured; a peer that was not there has none. */
export function targetTable(subject: string, summaries: readonly Summary[]): string {
  const of = (router: string, scenario: string): Summary | undefined =>
    summaries.find((summary) => summary.scenario === scenario && summary.router === router);
  const rows = targets.flatMap(({ figure, scenario, read, atMost }) =>
    Object.entries(atMost).flatMap(([peer, limit]) => {
      const measured = ratio(of(subject, scenario), of(peer, scenario), read);
      return measured === "-"
        ? []
        : [[figure, peer, `≤ ${limit}×`, measured, parseFloat(measured) <= limit ? "✓" : ""]];
    })
  );
  const memoryMb = of(subject, "streams1000")?.memoryMb;
  if (memoryMb !== undefined) {
    const isReached = memoryMb <= maxMemoryMb ? "✓" : "";
    rows.push(["memory, 1,000 streams", "", `≤ ${maxMemoryMb} MB`, `${Math.round(memoryMb)} MB`, isReached]);
  }
  return `### Targets\n\n${table(["figure", "to", "target", "measured", ""], rows)}`;
}
