// The few system calls that the runtime has no name for. Linux, through bun:ffi; the only file that names it here.

import { dlopen, FFIType, ptr } from "bun:ffi";
import { ftruncateSync } from "node:fs";

const AF_UNIX = 1;
const AF_INET = 2;
const SOCK_STREAM_CLOEXEC = 0o2000001;
const SOCK_DGRAM_CLOEXEC = 0o2000002;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_REUSEPORT = 15;
const O_CLOEXEC = 0o2000000;
const F_SETFL = 4;
const F_SETPIPE_SZ = 1031;
const O_NONBLOCK = 0o4000;
const CLOCK_MONOTONIC = 1;
const MFD_CLOEXEC = 1;
const PR_SET_CHILD_SUBREAPER = 36;
const WNOHANG = 1;

/** Orphans below this process become its children instead of the machine's init's. */
export function becomeSubreaper(): boolean {
  return libc().prctl(PR_SET_CHILD_SUBREAPER, 1n, 0n, 0n, 0n) === 0;
}

/** Takes the exit status of a dead child; true when there was one. Never for children the runtime spawned: it waits for those. */
export function reapChild(pid: number): boolean {
  return libc().waitpid(pid, null, WNOHANG) === pid;
}

/** Something kept until it is let go, or until this process ends. */
export interface Hold {
  release(): void;
}

/**
 * Binds a port without listening, so that nobody else is handed it, while an engine that sets SO_REUSEADDR (vLLM's HTTP
 * socket, ZeroMQ, every common runtime) can still bind and listen. Null when somebody listens on it.
 */
export function holdPort(host: string, port: number): Hold | null {
  return bindSocket(AF_INET, internetAddress(host, port));
}

/**
 * Claims a port among all pdserves of this machine, which could otherwise all hold it: sockets that may share a port do not exclude
 * each other before one listens. An abstract Unix socket lives in the same network namespace and goes with its process; the claims
 * of others stand in /proc/net/unix as `@pdserve-port-8101`. Null when another one has it.
 */
export function claimPort(port: number): Hold | null {
  return bindSocket(AF_UNIX, abstractAddress(`pdserve-port-${port}`));
}

function bindSocket(family: number, address: Uint8Array): Hold | null {
  const { socket, setsockopt, bind, close } = libc();
  const fd = socket(family, SOCK_STREAM_CLOEXEC, 0);
  if (fd < 0) return null;
  const on = new Int32Array([1]);
  if (family === AF_INET) {
    for (const option of [SO_REUSEADDR, SO_REUSEPORT]) setsockopt(fd, SOL_SOCKET, option, ptr(on), on.byteLength);
  }
  if (bind(fd, ptr(address), address.byteLength) !== 0) {
    close(fd);
    return null;
  }
  let held = true;
  return {
    release() {
      if (held) close(fd);
      held = false;
    },
  };
}

/** Sends one text to a Unix datagram socket; `@name` is an abstract one. Nothing happens where nobody listens. */
export function sendDatagram(path: string, text: string): void {
  const { socket, sendto, close } = libc();
  const fd = socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  if (fd < 0) return;
  const address = path.startsWith("@") ? abstractAddress(path.slice(1)) : pathAddress(path);
  const bytes = new TextEncoder().encode(text);
  sendto(fd, ptr(bytes), bytes.byteLength, MSG_DONTWAIT | MSG_NOSIGNAL, ptr(address), address.byteLength);
  close(fd);
}

/** A pipe whose ends no child inherits unless it is given one. */
export function makePipe(): { readonly readFd: number; readonly writeFd: number } {
  const fds = new Int32Array(2);
  if (libc().pipe2(ptr(fds), O_CLOEXEC) !== 0) throw new Error("Cannot make a pipe: too many open files");
  return { readFd: fds[0] ?? -1, writeFd: fds[1] ?? -1 };
}

/** Makes reading `fd` never wait, and lets its pipe hold a megabyte where the kernel allows that. */
export function widenPipe(fd: number): void {
  libc().fcntl(fd, F_SETFL, O_NONBLOCK);
  libc().fcntl(fd, F_SETPIPE_SZ, 2 ** 20);
}

/** How many bytes there were, as far as `into` has room; `end` when nobody can write any more. */
export function readNow(fd: number, into: Uint8Array): number | "nothing yet" | "end" {
  const count = Number(libc().read(fd, ptr(into), into.byteLength));
  if (count > 0) return count;
  return count === 0 ? "end" : "nothing yet";
}

/**
 * Memory for this process and those that map `path`, which only processes of this user can. It has no name in any file system, so
 * nothing of it is left once nobody has it any more. `close` ends only the finding of it.
 */
export function makeSharedMemory(bytes: number): { readonly path: string; close(): void } {
  const fd = libc().memfd_create(ptr(cString("pdserve")), MFD_CLOEXEC);
  if (fd < 0) throw new Error("Cannot make shared memory: the kernel has no memfd_create, or too many files are open");
  ftruncateSync(fd, bytes);
  return { path: `/proc/${process.pid}/fd/${fd}`, close: () => closeFd(fd) };
}

/** Its own as long as the result is kept. */
export function mapSharedMemory(path: string): Int32Array {
  const { buffer, byteOffset, byteLength } = Bun.mmap(path, { shared: true });
  return new Int32Array(buffer, byteOffset, byteLength / Int32Array.BYTES_PER_ELEMENT);
}

/** Of the machine: the runtime's own clocks, `process.hrtime` among them, all begin with their process (seen on 1.4.5). */
export function monotonicMs(): number {
  const time = new BigInt64Array(2);
  libc().clock_gettime(CLOCK_MONOTONIC, ptr(time));
  return Number(time[0]) * 1_000 + Number(time[1]) / 1_000_000;
}

export function closeFd(fd: number): void {
  libc().close(fd);
}

/** Starts this very program again in this very process, with another environment. Returns only when it failed. */
export function executeSelf(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): void {
  const assignments = Object.entries(env).flatMap(([name, value]) => value === undefined ? [] : [`${name}=${value}`]);
  const words = cStrings(argv);
  const variables = cStrings(assignments);
  libc().execve(ptr(cString("/proc/self/exe")), ptr(words.pointers), ptr(variables.pointers));
}

type Libc = ReturnType<typeof openLibc>["symbols"];
let opened: Libc | null = null;

/** Opened at the first call: most verbs need none of this. */
function libc(): Libc {
  opened ??= openLibc().symbols;
  return opened;
}

function openLibc() {
  const { i32, u32, u64, ptr: pointer } = FFIType;
  return dlopen("libc.so.6", {
    prctl: { args: [i32, u64, u64, u64, u64], returns: i32 },
    waitpid: { args: [i32, pointer, i32], returns: i32 },
    socket: { args: [i32, i32, i32], returns: i32 },
    setsockopt: { args: [i32, i32, i32, pointer, u32], returns: i32 },
    bind: { args: [i32, pointer, u32], returns: i32 },
    close: { args: [i32], returns: i32 },
    sendto: { args: [i32, pointer, u64, i32, pointer, u32], returns: FFIType.i64 },
    fcntl: { args: [i32, i32, i32], returns: i32 },
    read: { args: [i32, pointer, u64], returns: FFIType.i64 },
    pipe2: { args: [pointer, i32], returns: i32 },
    clock_gettime: { args: [i32, pointer], returns: i32 },
    memfd_create: { args: [pointer, u32], returns: i32 },
    execve: { args: [pointer, pointer, pointer], returns: i32 },
  });
}

/** struct sockaddr_in of a dotted IPv4 address (ip(7)). */
function internetAddress(host: string, port: number): Uint8Array {
  const address = new Uint8Array(16);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_INET, true);
  view.setUint16(2, port, false);
  address.set((host === "localhost" ? "127.0.0.1" : host).split(".").map(Number), 4);
  return address;
}

/** struct sockaddr_un whose path begins with a zero byte: a name without a file (unix(7)). */
function abstractAddress(name: string): Uint8Array {
  return new Uint8Array([AF_UNIX, 0, 0, ...new TextEncoder().encode(name)]);
}

function pathAddress(path: string): Uint8Array {
  return new Uint8Array([AF_UNIX, 0, ...new TextEncoder().encode(`${path}\0`)]);
}

function cString(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}

/** A null-terminated array of C strings; `bytes` keeps them alive as long as the caller keeps the result. */
function cStrings(texts: readonly string[]) {
  const bytes = texts.map(cString);
  const pointers = new BigUint64Array(texts.length + 1);
  bytes.forEach((text, index) => pointers[index] = BigInt(ptr(text)));
  return { bytes, pointers };
}
