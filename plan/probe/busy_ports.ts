// Which TCP ports are in use, and by whom. Linux: /proc/net/tcp and tcp6.

import { readdir, readFile, readlink } from "node:fs/promises";
import type { Machine } from "../machine.ts";

interface OpenPort {
  readonly port: number;
  readonly inode: string;
}

/** Holders are looked up only for `wanted`: that walks the open files of every process. */
export async function busyPorts(wanted: readonly number[]): Promise<Machine["busyPorts"]> {
  const tables = await Promise.all(
    ["/proc/net/tcp", "/proc/net/tcp6"].map((path) => readFile(path, "utf8").catch(() => "")),
  );
  const open = tables.flatMap(parseProcNetTcp);
  const inodes = new Set(open.filter(({ port }) => wanted.includes(port)).map(({ inode }) => inode));
  const holders = inodes.size > 0 ? await socketHolders(inodes) : new Map<string, Holder>();
  const byPort = new Map<number, Machine["busyPorts"][number]>();
  for (const { port, inode } of open) {
    const holder = holders.get(inode);
    if (holder !== undefined || !byPort.has(port)) byPort.set(port, { port, pid: null, name: null, ...holder });
  }
  return [...byPort.values()];
}

const timeWait = "06";

/** A connection that waits out its time does not keep a server from binding. */
export function parseProcNetTcp(text: string): OpenPort[] {
  return text.split("\n").slice(1).flatMap((line) => {
    const [, local = "", , state, , , , , , inode = ""] = line.trim().split(/\s+/);
    const port = parseInt(local.split(":")[1] ?? "", 16);
    return Number.isNaN(port) || state === timeWait ? [] : [{ port, inode }];
  });
}

interface Holder {
  readonly pid: number;
  readonly name: string | null;
}

/** Other users' processes do not show their files: their sockets stay without a holder. */
async function socketHolders(inodes: ReadonlySet<string>): Promise<Map<string, Holder>> {
  const pids = (await readdir("/proc").catch(() => [])).filter((entry) => /^\d+$/.test(entry));
  const found = new Map<string, Holder>();
  await Promise.all(pids.map(async (pid) => {
    const files = await readdir(`/proc/${pid}/fd`).catch(() => []);
    const targets = await Promise.all(files.map((file) => readlink(`/proc/${pid}/fd/${file}`).catch(() => "")));
    const held = targets.flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []).filter((one) =>
      inodes.has(one)
    );
    if (held.length === 0) return;
    const name = await processName(Number(pid));
    for (const inode of held) found.set(inode, { pid: Number(pid), name });
  }));
  return found;
}

/** Null when there is no such process here. */
export async function processName(pid: number): Promise<string | null> {
  const name = await readFile(`/proc/${pid}/comm`, "utf8").catch(() => null);
  return name?.trim() ?? null;
}
