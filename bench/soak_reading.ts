// What a minute of soaking left behind: memory, sockets, requests and KV handles that are still there.

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { SoakCounts } from "./soak_load.ts";

export interface SoakReading {
  readonly minute: number;
  /** Resident memory of init and core together, pages they share counted once. */
  readonly memoryMb: number;
  readonly sockets: number;
  readonly inFlight: number;
  readonly workerSockets: number;
  /** Those of them that serve a request. */
  readonly busySockets: number;
  /** KV handles that are opened or spent and have not come to an end. */
  readonly liveHandles: number;
  readonly counts: SoakCounts;
}

export async function readSoak(
  minute: number,
  port: number,
  pids: readonly number[],
  counts: SoakCounts,
): Promise<SoakReading> {
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const sum = (series: string): number =>
    metrics.split("\n").filter((line) => line.startsWith(series)).reduce(
      (total, line) => total + Number(line.slice(line.lastIndexOf(" "))),
      0,
    );
  return {
    minute,
    memoryMb: pids.reduce((total, pid) => total + proportionalKb(pid), 0) / 1_024,
    sockets: pids.reduce((total, pid) => total + socketsOf(pid), 0),
    inFlight: sum("pdserve_in_flight "),
    workerSockets: sum("pdserve_upstream_sockets{"),
    busySockets: sum('pdserve_upstream_sockets{state="busy"}'),
    liveHandles: sum('pdserve_kv_handles{state="opened"}') + sum('pdserve_kv_handles{state="spent"}'),
    counts,
  };
}

export const soakHead =
  "minute  memory MB  sockets  to workers  in flight  KV handles  complete  aborted  errors  cut  silent";

export function soakLine({ counts, ...reading }: SoakReading): string {
  const cells = [
    [6, reading.minute],
    [10, Math.round(reading.memoryMb)],
    [8, reading.sockets],
    [11, reading.workerSockets],
    [10, reading.inFlight],
    [11, reading.liveHandles],
    [9, counts.complete],
    [8, counts.aborted],
    [7, counts.errors],
    [4, counts.cut],
    [7, counts.silent],
  ] as const;
  return cells.map(([width, value]) => String(value).padStart(width)).join(" ");
}

/** What did not come back to what it was; the last reading is taken after the load has ended. */
export function soakVerdict(readings: readonly SoakReading[]): string[] {
  const [first, last] = [readings[0]!, readings.at(-1)!];
  const problems: string[] = [];
  if (last.inFlight > 0) problems.push(`${last.inFlight} requests are still in flight`);
  if (last.busySockets > 0) problems.push(`${last.busySockets} sockets to workers are still busy`);
  // Clients keep some of theirs, and probes of workers go on.
  if (last.sockets > first.sockets) problems.push(`${last.sockets} sockets are open, ${first.sockets} when it began`);
  if (last.liveHandles > 0) problems.push(`${last.liveHandles} KV handles have not come to an end`);
  if (last.counts.silent > 0) problems.push(`${last.counts.silent} answers ended early without a word`);
  // The first third is when the heap finds its size.
  const under = readings.slice(Math.ceil(readings.length / 3), -1).map(({ memoryMb }) => memoryMb);
  const half = Math.floor(under.length / 2);
  const [before, after] = [mean(under.slice(0, half)), mean(under.slice(half))];
  if (after > before * 1.1) problems.push(`memory grew from ${Math.round(before)} to ${Math.round(after)} MB`);
  return problems;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function proportionalKb(pid: number): number {
  return Number(/^Pss: +(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0);
}

function socketsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith("socket:");
    } catch {
      // Closed since it was listed.
      return false;
    }
  }).length;
}
