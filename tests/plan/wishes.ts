// Specs, machines and surroundings for the plan's tests, from as few words as possible.

import { chooseConnector } from "../../kv/choose_connector.ts";
import { findConnector } from "../../kv/index.ts";
import { type FlagArgument, noFlags } from "../../plan/flag_layer.ts";
import { layerSpec } from "../../plan/layer_spec.ts";
import type { Gpu, Machine } from "../../plan/machine.ts";
import { makePlan } from "../../plan/make_plan.ts";
import type { Plan, Planned } from "../../plan/plan.ts";
import type { Problem } from "../../plan/problem.ts";
import { type SettingKey, settings } from "../../plan/settings.ts";
import type { Spec } from "../../plan/spec.ts";
import type { Surroundings } from "../../plan/surroundings.ts";
import { engines } from "../../supervisor/engines/index.ts";

export interface Wish {
  readonly model?: string | null;
  readonly flags?: Readonly<Partial<Record<SettingKey, string>>>;
  readonly both?: readonly string[];
  readonly prefill?: readonly string[];
  readonly decode?: readonly string[];
}

export function specOf({ model = "demo", flags = {}, both = [], prefill = [], decode = [] }: Wish = {}): Spec {
  const argument = (words: readonly string[]): FlagArgument[] => words.length > 0 ? [{ words, flag: "--" }] : [];
  const values = (Object.entries(flags) as [SettingKey, string][]).map(([key, value]) => ({
    ...{ key, value, flag: settings[key].flag },
  }));
  const engineArgs = { both: argument(both), prefill: argument(prefill), decode: argument(decode) };
  return layerSpec({ flags: { ...noFlags, model, values, engineArgs }, env: {}, file: null }).spec;
}

export function gpu(id: string, more: Partial<Gpu> = {}): Gpu {
  const bytes = 80 * 2 ** 30;
  return {
    id,
    uuid: `GPU-${id}`,
    name: "H100",
    totalBytes: bytes,
    freeBytes: bytes,
    holders: [],
    numaNode: 0,
    ...more,
  };
}

/** `count` like GPUs, all joined by `link`. */
export function machineOf(count: number, more: Partial<Machine> = {}, link = "NV18"): Machine {
  const ids = Array.from({ length: count }, (_, id) => String(id));
  return {
    schema: 1,
    source: "this machine",
    gpus: ids.map((id) => gpu(id)),
    links: Object.fromEntries(
      ids.map((a) => [a, Object.fromEntries(ids.filter((b) => b !== a).map((b) => [b, link]))]),
    ),
    noPeerAccess: [],
    visibleGpus: null,
    driver: null,
    gpuSource: count > 0 ? "nvml" : "none",
    cpuCores: 16,
    memoryBytes: 64 * 2 ** 30,
    busyPorts: [],
    ephemeralFrom: 32_768,
    engine: { name: "vllm", version: "0.32.0", imports: { nixl: "1.5.1" }, device: "cuda" },
    ...more,
  };
}

export const around: Surroundings = {
  chooseConnector,
  findConnector,
  ownCommand: ["/opt/pdserve"],
  modelExists: null,
  cwd: "/home/me",
  sharedDir: "/run/pdserve/shared",
  nonce: "1c9e",
};

export function planFor(wish: Wish = {}, machine: Machine = machineOf(4), more: Partial<Surroundings> = {}): Planned {
  const spec = specOf(wish);
  const asked = spec.settings.engine.value;
  const engine = asked === "sim" || asked === "sim-sglang" ? engines[asked] : engines.vllm;
  return makePlan(spec, machine, engine, { ...around, ...more });
}

/** The plan, or a failure that shows why there is none. */
export function plannedFor(...args: Parameters<typeof planFor>): Plan {
  const planned = planFor(...args);
  if (planned.is === "impossible") throw new Error(JSON.stringify(planned.problems, null, 2));
  return planned.plan;
}

export function problemsOf(...args: Parameters<typeof planFor>): readonly Problem[] {
  const planned = planFor(...args);
  return planned.is === "impossible" ? planned.problems : planned.plan.problems;
}
