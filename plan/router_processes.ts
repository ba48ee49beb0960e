// How many router processes share the API's port.

import type { Connector } from "../kv/connector.ts";
import type { Machine } from "./machine.ts";
import type { Plan } from "./plan.ts";
import type { Problem } from "./problem.ts";
import { originText, type Spec } from "./spec.ts";

export interface RouterProcesses {
  readonly processes: number;
  readonly problems: readonly Problem[];
}

/** One process keeps up with what 16 cores can serve; the rest of a box's CPU is the engines'. */
const CORES_FOR_TWO = 16;
const CORES_EACH = 8;
const MOST_BY_ITSELF = 4;
/** More has never been of use. */
const MOST = 64;

export function routerProcesses({ settings }: Spec, { cpuCores }: Machine, connector: Connector): RouterProcesses {
  const { value, origin } = settings.routerProcs;
  const where = originText(origin);
  const whyOne = whyOneProcess(settings, connector);
  if (value === "auto") return { processes: whyOne === null ? usualFor(cpuCores) : 1, problems: [] };
  const processes = /^[0-9]+$/.test(value) ? Number(value) : 0;
  if (processes < 1 || processes > MOST) {
    const what = `--router-procs cannot be "${value}"`;
    const why = `it takes auto, or a number from 1 to ${MOST}`;
    return {
      processes: 1,
      problems: [{ what, why, fix: "--router-procs auto", where, severity: "error", exitCode: 2 }],
    };
  }
  if (processes > 1 && whyOne !== null) {
    const what = `Serve with one router process instead of ${processes}`;
    const why = whyOne;
    return { processes: 1, problems: [{ what, why, fix: "--router-procs 1", where, severity: "error", exitCode: 2 }] };
  }
  return { processes, problems: [] };
}

/** What one process knows and the others do not. */
function whyOneProcess({ turnReuseMs }: Spec["settings"], { name, arrival }: Connector): string | null {
  // One process binds it; the others would wait for ever.
  if (arrival !== undefined) return `with ${name} prefill tells one socket of the router when KV has arrived`;
  return turnReuseMs.value === null ? null : "with --turn-reuse each would have to know the others' turns";
}

/** As the plan says it: one process, which is the usual, is not spoken of. */
export function routerOf({ settings }: Spec, port: number, processes: number): Plan["router"] {
  return { host: settings.host.value, port, ...(processes > 1 ? { processes } : {}) };
}

function usualFor(cpuCores: number): number {
  if (cpuCores < CORES_FOR_TWO) return 1;
  return Math.min(MOST_BY_ITSELF, Math.floor(cpuCores / CORES_EACH));
}
