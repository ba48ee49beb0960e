// The engines by name: flag choices, help and the conformance tests read this registry.

import type { Engine } from "./engine.ts";
import { sglang } from "./sglang.ts";
import { sim } from "./sim.ts";
import { simSglang } from "./sim_sglang.ts";
import { vllm } from "./vllm.ts";

export const engines = { vllm, sglang, sim, "sim-sglang": simSglang } satisfies Record<string, Engine>;

export type EngineName = keyof typeof engines;

export function isEngineName(name: string): name is EngineName {
  return Object.hasOwn(engines, name);
}
