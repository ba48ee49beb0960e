// One window of load against one router, or against the workers themselves.

import { readFileSync } from "node:fs";
import { coreTicks, type PinnedProcess } from "./pinned_process.ts";
import { type LoadReport, type Sample, toSample } from "./sample.ts";
import type { Scenario } from "./scenarios.ts";
import { direct } from "./summarise.ts";

export interface Stand {
  readonly load: string;
  readonly toolsCore: number;
  readonly routerCore: number;
  readonly prefillPort: number;
  readonly decodePort: number;
}

/** A router that runs, or the direct path with neither port nor process. */
export interface Running {
  readonly name: string;
  readonly port: number | null;
  readonly process: PinnedProcess | null;
}

/** Others may use this share of the router's core; beyond it the sample says so. */
const maxOthersShare = 0.1;
const attempts = 3;

export interface Window {
  readonly warmup: number;
  readonly seconds: number;
}

/** Repeats a window in which others used the router's core, while `mayRepeat`; marks the sample when that does not help. */
export async function measure(
  stand: Stand,
  subject: Running,
  scenario: Scenario,
  bodyPath: string,
  window: Window,
  mayRepeat: () => boolean,
): Promise<Sample> {
  for (let attempt = 1;; attempt++) {
    const pids = subject.process?.pids() ?? [];
    const before = { core: coreTicks(stand.routerCore), cpuNs: cpuNsOf(pids) };
    const report = await runLoad(stand, subject, scenario, bodyPath, window, pids);
    const after = { core: coreTicks(stand.routerCore), cpuNs: cpuNsOf(pids) };
    const others = othersShare(before, after, subject);
    if (others <= maxOthersShare || attempt === attempts || !mayRepeat()) {
      return toSample(subject.name, scenario.name, report, others > maxOthersShare);
    }
  }
}

export async function runLoad(
  stand: Stand,
  subject: Running,
  scenario: Scenario,
  bodyPath: string,
  window: Window,
  pids: readonly number[],
): Promise<LoadReport> {
  const where = subject.port === null
    ? ["--direct", `${stand.prefillPort},${stand.decodePort}`]
    : ["--port", String(subject.port), "--pids", pids.join(",")];
  const argv = [
    ...["taskset", "--cpu-list", String(stand.toolsCore), stand.load, ...where],
    ...["--connections", String(scenario.connections), "--rate", String(scenario.rate), "--body", bodyPath],
    ...["--stagger-ms", String(scenario.staggerMs), "--warmup", String(window.warmup)],
    ...["--seconds", String(window.seconds), ...(scenario.churn ? ["--churn"] : [])],
    ...["--path", scenario.tokenIds ? "/v1/completions" : "/v1/chat/completions"],
  ];
  const child = Bun.spawn(argv, { stdout: "pipe", stderr: "inherit" });
  const text = await new Response(child.stdout).text();
  if (await child.exited !== 0) throw new Error(`load failed against ${subject.name} in ${scenario.name}`);
  return JSON.parse(text);
}

interface Reading {
  readonly core: { readonly busy: number; readonly total: number };
  readonly cpuNs: number;
}

function othersShare(before: Reading, after: Reading, { name }: Running): number {
  if (name === direct) return 0;
  const total = after.core.total - before.core.total;
  // A tick of /proc/stat is 10 ms.
  const own = (after.cpuNs - before.cpuNs) / 1e7;
  return (after.core.busy - before.core.busy - own) / Math.max(1, total);
}

function cpuNsOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + threadsCpuNs(pid), 0);
}

function threadsCpuNs(pid: number): number {
  let sum = 0;
  for (const thread of new Bun.Glob("*").scanSync({ cwd: `/proc/${pid}/task`, onlyFiles: false })) {
    try {
      sum += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
    } catch {
      // The thread has ended since it was listed.
    }
  }
  return sum;
}
