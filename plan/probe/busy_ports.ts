// Which TCP ports are in use or claimed by another pdserve, and by whom. Linux: /proc/net/tcp, tcp6 and unix.

import { readdir, readFile, readlink } from "node:fs/promises";
import type { Machine } from "../machine.ts";

interface OpenPort {
  readonly port: number;
  readonly inode: string;
}

/** Holders are looked up only for `wanted`: that walks the open files of every process. */
export async function busyPorts(wanted: readonly number[]): Promise<Machine["busyPorts"]> {
  const [tcp, tcp6, unix] = await Promise.all(["tcp", "tcp6", "unix"].map(readProcNet)) as [string, string, string];
  const open = [...parseProcNetTcp(tcp), ...parseProcNetTcp(tcp6), ...parseClaims(unix)];
  const inodes = new Set(open.filter(({ port }) => wanted.includes(port)).map(({ inode }) => inode));
  const holders = inodes.size > 0 ? await socketHolders(inodes) : new Map<string, Holder>();
  const byPort = new Map<number, Machine["busyPorts"][number]>();
  for (const { port, inode } of open) {
    const holder = holders.get(inode);
    if (holder !== undefined || !byPort.has(port)) byPort.set(port, { port, pid: null, name: null, ...holder });
  }
  return [...byPort.values()];
}

function readProcNet(table: string): Promise<string> {
  return readFile(`/proc/net/${table}`, "utf8").catch(() => "");
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

/** Ports that another pdserve keeps for its workers, bound or not, by the names that supervisor/native.ts gives such claims. */
export function parseClaims(text: string): OpenPort[] {
  return [...text.matchAll(/ (\d+) @pdserve-port-(\d+)\b/g)].map(([, inode = "", port]) => ({
    port: Number(port),
    inode,
  }));
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
