// The GPUs as NVIDIA's own library tells them. NVML's interface is stable, unlike the text of nvidia-smi, and needs no
// process start. Source: nvml.h; structure sizes are those of the _v2/_v3 calls named here.

import { dlopen, FFIType, type Pointer, ptr } from "bun:ffi";
import type { GpuReading, RawGpu } from "./gpu_reading.ts";

const { i32, u32, ptr: pointer } = FFIType;

const symbols = {
  nvmlInit_v2: { args: [], returns: i32 },
  nvmlShutdown: { args: [], returns: i32 },
  nvmlSystemGetDriverVersion: { args: [pointer, u32], returns: i32 },
  nvmlDeviceGetCount_v2: { args: [pointer], returns: i32 },
  nvmlDeviceGetHandleByIndex_v2: { args: [u32, pointer], returns: i32 },
  nvmlDeviceGetUUID: { args: [pointer, pointer, u32], returns: i32 },
  nvmlDeviceGetName: { args: [pointer, pointer, u32], returns: i32 },
  nvmlDeviceGetMemoryInfo: { args: [pointer, pointer], returns: i32 },
  nvmlDeviceGetPciInfo_v3: { args: [pointer, pointer], returns: i32 },
  nvmlDeviceGetComputeRunningProcesses_v3: { args: [pointer, pointer, pointer], returns: i32 },
  nvmlDeviceGetTopologyCommonAncestor: { args: [pointer, pointer, pointer], returns: i32 },
  nvmlDeviceGetP2PStatus: { args: [pointer, pointer, i32, pointer], returns: i32 },
  nvmlDeviceGetNvLinkState: { args: [pointer, u32, pointer], returns: i32 },
  nvmlDeviceGetNvLinkRemotePciInfo_v2: { args: [pointer, u32, pointer], returns: i32 },
} as const;

type Nvml = ReturnType<typeof dlopen<typeof symbols>>["symbols"];

const success = 0;
const notSupported = 3;
const insufficientSize = 7;

/** Null when the library is not there, is too old, or its driver does not answer. Blocks as long as the driver does. */
export function readNvml(libraryPath: string): GpuReading | null {
  let library;
  try {
    library = dlopen(libraryPath, symbols);
  } catch {
    return null;
  }
  const nvml = library.symbols;
  try {
    if (nvml.nvmlInit_v2() !== success) return null;
    const reading = readAll(nvml);
    nvml.nvmlShutdown();
    return reading;
  } finally {
    library.close();
  }
}

interface Device {
  readonly handle: Pointer;
  readonly gpu: RawGpu;
}

function readAll(nvml: Nvml): GpuReading {
  const count = readU32((out) => nvml.nvmlDeviceGetCount_v2(out)) ?? 0;
  const devices = Array.from({ length: count }, (_, index) => readDevice(nvml, index)).filter((found) =>
    found !== null
  );
  const links: Record<string, Record<string, string>> = {};
  const noPeerAccess: [string, string][] = [];
  for (const a of devices) {
    for (const b of devices) {
      if (a === b) continue;
      const link = linkBetween(nvml, a, b);
      if (link !== null) links[a.gpu.id] = { ...links[a.gpu.id], [b.gpu.id]: link };
      if (a.gpu.id < b.gpu.id && peerStatus(nvml, a, b, peerRead) === false) noPeerAccess.push([a.gpu.id, b.gpu.id]);
    }
  }
  const driver = readText(80, (out, size) => nvml.nvmlSystemGetDriverVersion(out, size));
  return { source: "nvml", driver, gpus: devices.map(({ gpu }) => gpu), links, noPeerAccess };
}

/** A GPU that fell off the bus (error 15) is left out; one that shares the host's memory tells no size and counts as 0 bytes. */
function readDevice(nvml: Nvml, index: number): Device | null {
  const slot = new BigUint64Array(1);
  if (nvml.nvmlDeviceGetHandleByIndex_v2(index, ptr(slot)) !== success) return null;
  const handle = Number(slot[0]) as Pointer;
  const memory = new BigUint64Array(3);
  const status = nvml.nvmlDeviceGetMemoryInfo(handle, ptr(memory));
  if (status !== success && status !== notSupported) return null;
  return {
    handle,
    gpu: {
      id: String(index),
      uuid: readText(96, (out, size) => nvml.nvmlDeviceGetUUID(handle, out, size)),
      name: readText(96, (out, size) => nvml.nvmlDeviceGetName(handle, out, size)) ?? "GPU",
      totalBytes: Number(memory[0]),
      freeBytes: Number(memory[1]),
      busId: busIdFrom((out) => nvml.nvmlDeviceGetPciInfo_v3(handle, out)),
      processes: readProcesses(nvml, handle),
    },
  };
}

/** nvmlProcessInfo_t: pid u32, padding, memory u64 (all ones: not available), two instance ids u32. */
const processInfoBytes = 24;

function readProcesses(nvml: Nvml, handle: Pointer): RawGpu["processes"] {
  const count = new Uint32Array(1);
  // Asked with room for none, it answers how many there are.
  const first = nvml.nvmlDeviceGetComputeRunningProcesses_v3(handle, ptr(count), null);
  if (first === success) return [];
  if (first !== insufficientSize) return null;
  // Room for a few that start in between.
  count[0] = (count[0] ?? 0) + 8;
  const infos = new DataView(new ArrayBuffer(count[0] * processInfoBytes));
  if (nvml.nvmlDeviceGetComputeRunningProcesses_v3(handle, ptr(count), ptr(infos)) !== success) return null;
  return Array.from({ length: count[0] }, (_, at) => {
    const bytes = infos.getBigUint64(at * processInfoBytes + 8, true);
    const pid = infos.getUint32(at * processInfoBytes, true);
    return { pid, bytes: bytes === 0xffff_ffff_ffff_ffffn ? null : Number(bytes) };
  });
}

const peerRead = 0;
const peerNvlink = 2;

/** Null when the driver does not say. */
function peerStatus(nvml: Nvml, a: Device, b: Device, capability: number): boolean | null {
  const status = readU32((out) => nvml.nvmlDeviceGetP2PStatus(a.handle, b.handle, capability, out));
  return status === null ? null : status === 0;
}

/** nvmlGpuTopologyLevel_t in the words of `nvidia-smi topo -m`. */
const levels: Readonly<Record<number, string>> = { 0: "PIX", 10: "PIX", 20: "PXB", 30: "PHB", 40: "NODE", 50: "SYS" };

function linkBetween(nvml: Nvml, a: Device, b: Device): string | null {
  if (peerStatus(nvml, a, b, peerNvlink) === true) {
    const remotes = remoteBusIds(nvml, a);
    const direct = remotes.filter((busId) => busId === b.gpu.busId).length;
    // Behind an NVSwitch no link ends at the other GPU, and all of them carry traffic to it.
    return `NV${direct > 0 ? direct : Math.max(1, Math.min(remotes.length, remoteBusIds(nvml, b).length))}`;
  }
  const level = readU32((out) => nvml.nvmlDeviceGetTopologyCommonAncestor(a.handle, b.handle, out));
  return level === null ? null : levels[level] ?? null;
}

const mostNvlinks = 18;

/** What each active NVLink of a GPU ends at. */
function remoteBusIds(nvml: Nvml, { handle }: Device): (string | null)[] {
  const active = Array.from({ length: mostNvlinks }, (_, link) => link)
    .filter((link) => readU32((out) => nvml.nvmlDeviceGetNvLinkState(handle, link, out)) === 1);
  return active.map((link) => busIdFrom((out) => nvml.nvmlDeviceGetNvLinkRemotePciInfo_v2(handle, link, out)));
}

/** nvmlPciInfo_t: legacy id of 16 bytes, five u32, then the bus id as 32 bytes of text. */
function busIdFrom(call: (out: Pointer) => number): string | null {
  const info = new Uint8Array(68);
  return call(ptr(info)) === success ? cText(info.subarray(36, 68)) : null;
}

function readText(size: number, call: (out: Pointer, size: number) => number): string | null {
  const text = new Uint8Array(size);
  return call(ptr(text), size) === success ? cText(text) : null;
}

function readU32(call: (out: Pointer) => number): number | null {
  const value = new Uint32Array(1);
  return call(ptr(value)) === success ? value[0] ?? null : null;
}

function cText(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}
