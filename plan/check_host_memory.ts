// Does what the connectors keep in host memory fit there?

import type { Json } from "../kv/json.ts";
import type { Machine } from "./machine.ts";
import type { Problem } from "./problem.ts";
import { originText, type Spec } from "./spec.ts";

/** Every engine takes `cpu_bytes_to_use` for itself, and pins it. */
export function checkHostMemory(spec: Spec, workers: number, machine: Machine): readonly Problem[] {
  const { value, origin } = spec.settings.kvExtraConfig;
  const each = bytesToUse((value ?? {}) as Json);
  const { memoryBytes, source } = machine;
  if (each * workers <= memoryBytes || memoryBytes === 0) return [];
  return [{
    what: `Cannot keep ${gib(each * workers)} of KV in host memory`,
    why: `${workers} workers take ${gib(each)} each, and ${source} has ${gib(memoryBytes)}`,
    fix: `cpu_bytes_to_use of ${Math.floor(memoryBytes / 2 / workers)}, which is half of it shared out`,
    where: originText(origin),
    severity: "error",
    exitCode: 2,
  }];
}

function gib(bytes: number): string {
  return `${Math.round(bytes / 2 ** 30)} GiB`;
}

/** Of a connector and all that are inside it. */
function bytesToUse(config: Json): number {
  if (typeof config !== "object" || config === null) return 0;
  return Object.entries(config).reduce(
    (sum, [name, inner]) => sum + (name === "cpu_bytes_to_use" ? Number(inner) || 0 : bytesToUse(inner as Json)),
    0,
  );
}
