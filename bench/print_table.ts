// The tables a person reads, as Markdown.

import type { Scenario } from "./scenarios.ts";
import { direct, type Summary } from "./summarise.ts";

const figures = [
  "req/s",
  "CPU µs/request",
  "CPU µs/chunk",
  "added TTFT p50 / p99 µs",
  "added chunk delay p50 / p99 µs",
  "memory MB",
  "± CPU",
  "errors",
];

export function scenarioTable(scenario: Scenario, summaries: readonly Summary[]): string {
  const rows = summaries.filter((summary) => summary.scenario === scenario.name).map((summary) => [
    summary.router,
    whole(summary.requestsPerSecond),
    ...(summary.router === direct ? ["-", "-", "-", "-", "-", "-"] : [
      tenth(summary.cpuUsPerRequest),
      tenth(summary.cpuUsPerChunk),
      pair(summary.addedTtftUs),
      pair(summary.addedChunkUs),
      whole(summary.memoryMb),
      `${whole(summary.spread * 100)} %${summary.noisy > 0 ? ` (${summary.noisy} of ${summary.repeats} noisy)` : ""}`,
    ]),
    String(summary.errors),
  ]);
  return `### ${scenario.title}\n\n${table(["", ...figures], rows)}`;
}

/** One row for each router with what tells most of it: the table that people compare. */
export function overviewTable(summaries: readonly Summary[]): string {
  const of = (router: string, scenario: string): Summary | undefined =>
    summaries.find((summary) => summary.scenario === scenario && summary.router === router);
  const cell = (summary: Summary | undefined, read: (summary: Summary) => string): string =>
    summary === undefined ? "-" : read(summary);
  const names = [...new Set(summaries.map(({ router }) => router))].filter((name) => name !== direct);
  const rows = names.map((name) => [
    name,
    cell(of(name, "saturation"), (summary) => tenth(summary.cpuUsPerRequest)),
    cell(of(name, "burst64"), (summary) => tenth(summary.cpuUsPerRequest)),
    cell(of(name, "paced96"), (summary) => tenth(summary.cpuUsPerChunk)),
    cell(of(name, "streams1000"), (summary) => tenth(summary.cpuUsPerChunk)),
    cell(of(name, "streams1000"), (summary) => whole(summary.memoryMb)),
    cell(of(name, "low-load"), (summary) => pair(summary.addedTtftUs)),
  ]);
  const head = [
    "",
    "CPU µs/request, 1 chunk",
    "CPU µs/request, 64 chunks at once",
    "CPU µs/chunk, 96 streams",
    "CPU µs/chunk, 1,000 streams",
    "memory MB, 1,000 streams",
    "added TTFT µs p50 / p99, low load",
  ];
  return table(head, rows);
}

/** How many times the subject costs what each other router costs; below 1 it costs less. */
export function ratioTable(subject: string, scenarios: readonly Scenario[], summaries: readonly Summary[]): string {
  const others = [...new Set(summaries.map(({ router }) => router))].filter((name) =>
    name !== subject && name !== direct
  );
  const rows = scenarios.flatMap((scenario) => {
    const of = (router: string): Summary | undefined =>
      summaries.find((summary) => summary.scenario === scenario.name && summary.router === router);
    const row = (figure: string, read: (summary: Summary) => number | undefined): string[] => [
      scenario.title,
      figure,
      ...others.map((other) => ratio(of(subject), of(other), read)),
    ];
    const cpu = scenario.cpuPer === "chunk" ? "cpuUsPerChunk" : "cpuUsPerRequest";
    return [
      row(`CPU per ${scenario.cpuPer}`, (summary) => summary[cpu]),
      row("added TTFT p50", (summary) => summary.addedTtftUs?.p50),
      row("added TTFT p99", (summary) => summary.addedTtftUs?.p99),
    ];
  });
  return `### ${subject} divided by\n\n${table(["scenario", "figure", ...others], rows)}`;
}

export function ratio(
  subject: Summary | undefined,
  other: Summary | undefined,
  read: (summary: Summary) => number | undefined,
): string {
  const above = subject && read(subject);
  const below = other && read(other);
  return above === undefined || below === undefined || !(below > 0) || Number.isNaN(above)
    ? "-"
    : `${(above / below).toFixed(2)}×`;
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map((_, i) => i === 0 ? "---" : "--:"), ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function pair(values: { readonly p50: number; readonly p99: number } | null): string {
  return values === null ? "-" : `${whole(values.p50)} / ${whole(values.p99)}`;
}

function whole(value: number): string {
  return Number.isNaN(value) ? "-" : Math.round(value).toLocaleString("en-US");
}

function tenth(value: number): string {
  return !(value < 100) ? whole(value) : value.toFixed(1);
}
