// A probe saved as JSON on another box, checked before it is believed.

import { z } from "zod";
import type { Machine } from "./machine.ts";
import type { Problem } from "./problem.ts";

export type ReadMachine =
  | { readonly is: "machine"; readonly machine: Machine }
  | { readonly is: "problem"; readonly problem: Problem };

const gpu = z.object({
  id: z.string(),
  uuid: z.string().nullable().default(null),
  name: z.string(),
  totalBytes: z.number().nonnegative(),
  freeBytes: z.number().nonnegative(),
  holders: z.array(z.object({ pid: z.int(), name: z.string(), bytes: z.number() })).nullable().default(null),
  numaNode: z.int().nullable().default(null),
});

const machine = z.object({
  schema: z.literal(1),
  gpus: z.array(gpu),
  links: z.record(z.string(), z.record(z.string(), z.string())).default({}),
  noPeerAccess: z.array(z.tuple([z.string(), z.string()])).default([]),
  driver: z.string().nullable().default(null),
  cpuCores: z.int().positive(),
  memoryBytes: z.number().positive(),
  busyPorts: z.array(
    z.object({ port: z.int(), pid: z.int().nullable().default(null), name: z.string().nullable().default(null) }),
  ).default([]),
  ephemeralFrom: z.int().min(1024).max(65_535).default(32_768),
  engine: z.object({
    name: z.string(),
    version: z.string(),
    imports: z.record(z.string(), z.string().nullable()).default({}),
    device: z.enum(["cuda", "cpu"]).nullable().default(null),
  }).nullable().default(null),
});

/** What CUDA_VISIBLE_DEVICES was there when it was saved does not count here. */
export function readSavedMachine(text: string, path: string): ReadMachine {
  const json = parseJson(text);
  if (json.is === "bad") return wrong(`Cannot read "${path}" as JSON`, json.why, path);
  const checked = machine.safeParse(json.value);
  if (!checked.success) {
    const told = checked.error.issues.slice(0, 5).map((issue) =>
      `${issue.path.join(".") || "the whole"}: ${issue.message}`
    );
    return wrong(`Cannot use "${path}" as a machine`, told.join("; "), path);
  }
  const read: Machine = { ...checked.data, source: path, visibleGpus: null, gpuSource: "given" };
  return { is: "machine", machine: read };
}

function parseJson(text: string): { is: "value"; value: unknown } | { is: "bad"; why: string } {
  try {
    return { is: "value", value: JSON.parse(text) };
  } catch (error) {
    return { is: "bad", why: error instanceof Error ? error.message : String(error) };
  }
}

function wrong(what: string, why: string, path: string): ReadMachine {
  const fix = "a machine saved by pdserve, or --machine 8xH100";
  return { is: "problem", problem: { what, why, fix, where: path, severity: "error", exitCode: 2 } };
}
