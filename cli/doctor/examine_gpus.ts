// Driver, GPUs, what connects them, and who holds their memory.

import type { Machine } from "../../plan/machine.ts";
import { bytesText } from "../render/quantities.ts";
import { failing, type Finding, ok, unknown, warning } from "./finding.ts";

/** A driver keeps some hundred MiB of an idle GPU for itself. */
const IDLE_BYTES = 2 ** 30;

export function examineGpus(machine: Machine): readonly Finding[] {
  if (machine.gpus.length === 0) {
    return [
      failing(
        "gpus",
        "no GPU was found, and no driver that tells of one",
        "nvidia-smi; --device cpu runs without, pdserve demo simulates",
      ),
    ];
  }
  return [
    ok("driver", `NVIDIA ${machine.driver ?? "of unknown version"}, read by ${machine.gpuSource}`),
    ok("gpus", `${machine.gpus.length}: ${[...new Set(machine.gpus.map(({ name }) => name))].join(", ")}`),
    ...links(machine),
    ...machine.gpus.flatMap(memory),
  ];
}

function links({ gpus, links, noPeerAccess }: Machine): Finding[] {
  if (gpus.length < 2) {
    return [
      warning(
        "peer access",
        "one GPU only, so prefill and decode must share it",
        "--gpu-memory-utilization of both below 0.5",
      ),
    ];
  }
  if (noPeerAccess.length > 0) {
    const pairs = noPeerAccess.map(([a, b]) => `${a}-${b}`).join(", ");
    return [
      warning(
        "peer access",
        `none between ${pairs}: KV goes through main memory`,
        "put prefill and decode on GPUs that have it, or leave it at that",
      ),
    ];
  }
  const kinds = new Set(
    Object.entries(links).flatMap(([a, to]) => Object.entries(to).filter(([b]) => a !== b).map(([, kind]) => kind)),
  );
  if (kinds.size === 0) return [unknown("peer access", "the driver does not tell how the GPUs are connected")];
  const slow = [...kinds].filter((kind) => !kind.startsWith("NV"));
  const all = `GPUs are connected by ${[...kinds].join(", ")}`;
  return [
    slow.length === 0 ? ok("peer access", all) : warning(
      "peer access",
      `${all}: not all by NVLink`,
      "nvidia-smi topo -m shows which; the plan prefers fast pairs",
    ),
  ];
}

function memory({ id, freeBytes, totalBytes, holders }: Machine["gpus"][number]): Finding[] {
  const free = `GPU ${id} has ${bytesText(freeBytes)} of ${bytesText(totalBytes)} free`;
  if (totalBytes - freeBytes < IDLE_BYTES) return [ok("memory", free)];
  const who = holders === null
    ? "the driver does not tell who holds the rest"
    : `held by ${holders.map(({ pid, name, bytes }) => `${name} (pid ${pid}) ${bytesText(bytes)}`).join(", ")}`;
  return [warning("memory", `${free}, ${who}`, "stop what holds it, or lower --gpu-memory-utilization")];
}
