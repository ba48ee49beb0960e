// Which processes belong to a run or a worker, read from /proc. A process is named by pid and start time, so that a reused pid is never meant.

import { readdirSync, readFileSync } from "node:fs";

export interface ProcessInfo {
  readonly pid: number;
  readonly ppid: number;
  readonly pgid: number;
  readonly sid: number;
  /** Clock ticks after boot at which it started. */
  readonly startTicks: number;
  /** Dead, only its exit status is left: counts as gone. */
  readonly zombie: boolean;
  readonly name: string;
}

/** Every process of the machine that can be seen. */
export function listProcesses(): readonly ProcessInfo[] {
  return readdirSync("/proc").flatMap((entry) => {
    const pid = Number(entry);
    const found = Number.isInteger(pid) ? readProcess(pid) : null;
    return found === null ? [] : [found];
  });
}

/** Null when there is no such process. */
export function readProcess(pid: number): ProcessInfo | null {
  const stat = readOrNull(`/proc/${pid}/stat`);
  if (stat === null) return null;
  // The name stands in parentheses and may hold any character, parentheses included (proc_pid_stat(5)).
  const nameEnd = stat.lastIndexOf(")");
  const fields = stat.slice(nameEnd + 2).split(" ");
  const [state, ppid, pgid, sid] = fields;
  return {
    pid,
    ppid: Number(ppid),
    pgid: Number(pgid),
    sid: Number(sid),
    startTicks: Number(fields[19]),
    zombie: state === "Z" || state === "X",
    name: stat.slice(stat.indexOf("(") + 1, nameEnd),
  };
}

/** Its children, orphans that fell to it included. Cheaper than a look at every process, where the kernel offers it. */
export function childrenOf(pid: number): readonly ProcessInfo[] {
  const pids = readOrNull(`/proc/${pid}/task/${pid}/children`);
  if (pids === null) return listProcesses().filter(({ ppid }) => ppid === pid);
  return pids.split(" ").flatMap((text) => {
    const child = text === "" ? null : readProcess(Number(text));
    return child === null ? [] : [child];
  });
}

/** One variable of the environment a process was started with; null when unset or not ours to read. */
export function environmentValue(pid: number, name: string): string | null {
  const variables = readOrNull(`/proc/${pid}/environ`)?.split("\0") ?? [];
  return variables.find((variable) => variable.startsWith(`${name}=`))?.slice(name.length + 1) ?? null;
}

/** `roots` themselves, their children, and so on down. */
export function withDescendants(
  roots: ReadonlySet<number>,
  processes: readonly ProcessInfo[],
): readonly ProcessInfo[] {
  const children = Map.groupBy(processes, (process) => process.ppid);
  const found = new Map(processes.filter(({ pid }) => roots.has(pid)).map((process) => [process.pid, process]));
  for (const { pid } of found.values()) {
    for (const child of children.get(pid) ?? []) found.set(child.pid, child);
  }
  return [...found.values()];
}

/**
 * The living processes of a run: below `ancestor`, or with the run's id in their environment. Both, because a double fork leaves
 * the tree when no subreaper is above it, and a program may overwrite its environment (Python's setproctitle does).
 */
export function processesOfRun(runId: string, ancestor: number | null): readonly ProcessInfo[] {
  const all = listProcesses();
  const below = new Set(ancestor === null ? [] : withDescendants(new Set([ancestor]), all).map(({ pid }) => pid));
  return all.filter(({ pid, zombie }) =>
    !zombie && (below.has(pid) || environmentValue(pid, "PDSERVE_RUN_ID") === runId)
  );
}

export interface WorkerMark {
  readonly runId: string;
  /** Value of PDSERVE_WORKER in the environment of every process of one generation of one worker. */
  readonly mark: string;
  readonly pgid: number;
  /** Start time of the group's leader: nothing older is in its group. */
  readonly startTicks: number;
}

/** The living processes of one worker: its group, those marked as its own, and everything below them. */
export function processesOfWorker({ runId, mark, pgid, startTicks }: WorkerMark): readonly ProcessInfo[] {
  const all = listProcesses().filter((process) => process.startTicks >= startTicks);
  const roots = all.filter((process) =>
    process.pgid === pgid ||
    (environmentValue(process.pid, "PDSERVE_WORKER") === mark &&
      environmentValue(process.pid, "PDSERVE_RUN_ID") === runId)
  );
  return withDescendants(new Set(roots.map(({ pid }) => pid)), all).filter(({ zombie }) => !zombie);
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, "latin1");
  } catch {
    // Gone meanwhile, or another user's: neither is ours.
    return null;
  }
}
