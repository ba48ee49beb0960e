// Processes on a core of their own, and what they and the core have cost.

import { readdirSync, readFileSync } from "node:fs";
import type { Subprocess } from "bun";

export interface PinnedProcess {
  readonly process: Subprocess;
  /** It and all its descendants: a router may be several processes. */
  pids(): number[];
  stop(): Promise<void>;
}

export function startPinned(
  core: number,
  argv: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>>; readonly cwd?: string; readonly log: string },
): PinnedProcess {
  const child = Bun.spawn(["taskset", "--cpu-list", String(core), ...argv], {
    env: { ...process.env, ...options.env },
    cwd: options.cwd,
    stdin: "ignore",
    stdout: Bun.file(options.log),
    stderr: Bun.file(options.log),
  });
  const pids = (): number[] => treeOf(child.pid);
  return {
    process: child,
    pids,
    async stop() {
      const all = pids();
      child.kill("SIGTERM");
      await Promise.race([child.exited, Bun.sleep(5_000)]);
      for (const pid of all) if (isAlive(pid)) process.kill(pid, "SIGKILL");
      await child.exited;
    },
  };
}

/** Busy and total time of one core, in clock ticks, from /proc/stat. */
export function coreTicks(core: number): { readonly busy: number; readonly total: number } {
  const line = readFileSync("/proc/stat", "utf8").split("\n").find((text) => text.startsWith(`cpu${core} `)) ?? "";
  const ticks = line.split(/\s+/).slice(1, 9).map(Number);
  const total = ticks.reduce((sum, count) => sum + count, 0);
  const idle = (ticks[3] ?? 0) + (ticks[4] ?? 0);
  return { busy: total - idle, total };
}

function treeOf(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const parent = parentOf(pid);
    if (parent !== null) children.set(parent, [...children.get(parent) ?? [], pid]);
  }
  const tree = [root];
  for (const pid of tree) tree.push(...children.get(pid) ?? []);
  return tree;
}

/** The fourth field of /proc/PID/stat; the second, in parentheses, may hold anything. */
function parentOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
