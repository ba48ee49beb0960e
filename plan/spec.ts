// What the user asked for: every setting as a typed value that knows where it came from.

import type { Role } from "../kv/connector.ts";
import type { SettingKey, settings } from "./settings.ts";

export type Origin =
  | { readonly is: "default" }
  | { readonly is: "file"; readonly path: string; readonly line: number }
  | { readonly is: "env"; readonly name: string }
  | { readonly is: "flag"; readonly flag: string };

export interface Sourced<T> {
  readonly value: T;
  readonly origin: Origin;
}

type ValueOfKind = {
  text: string;
  /** http or https. */
  url: string;
  count: number;
  port: number;
  /** Milliseconds. */
  duration: number;
  bytes: number;
  switch: boolean;
  list: readonly string[];
  json: Readonly<Record<string, unknown>>;
};

type ValueOf<S> = S extends { default: null } ? GivenValueOf<S> | null : GivenValueOf<S>;

type GivenValueOf<S> = S extends { kind: "choice"; choices: readonly (infer Choice)[] } ? Choice
  : S extends { kind: infer K extends keyof ValueOfKind } ? ValueOfKind[K]
  : never;

export type Settings = { readonly [K in SettingKey]: Sourced<ValueOf<(typeof settings)[K]>> };

/** One argument meant for the engine, as written: `["--max-model-len", "8192"]`. */
export interface EngineArgument {
  readonly words: readonly string[];
  readonly origin: Origin;
}

/** One variable for the engines' environment. */
export interface EngineVariable {
  readonly name: string;
  readonly value: string;
  readonly origin: Origin;
}

// Workers as another tool's file lays them out, group by group; they stand in for --pd, the lists of GPUs and the sizes.

export interface WorkerGroup {
  /** A placeholder starts nothing: its GPUs are left to others. */
  readonly role: Role | "placeholder";
  readonly origin: Origin;
  /** Ids cut into workers in this order, or how many: then the machine's next ones. */
  readonly gpus: readonly string[] | number;
  /** Tensor × pipeline × data parallel size of one worker; null leaves it to --rollout-num-gpus-per-engine. */
  readonly gpusPerWorker: number | null;
  /** Only where the file says it beside `gpusPerWorker`; the plan checks that both agree. */
  readonly tp?: number;
  /** Beside what the line and the file say for all workers or a role; layer_spec.ts puts them in order. */
  readonly args: readonly EngineArgument[];
  readonly env: readonly EngineVariable[];
  /** By purpose (`http`, `kv_port`, …) the first worker's first port; each next worker starts one higher. */
  readonly ports?: Readonly<Record<string, number>>;
}

export interface Layout {
  /** Who reads such a file elsewhere, for messages: `vime`, `PRIME-RL`. */
  readonly tool: string;
  /** What the file is written for; null when any will do. */
  readonly engine: string | null;
  /** Stronger than MODEL, which is these tools' default for what the file leaves out. */
  readonly model: Sourced<string> | null;
  readonly groups: readonly WorkerGroup[];
  /** `exact` ports are taken as they are or refused; `search` goes up to the next free ones. */
  readonly ports: "exact" | "search";
  /** Whether a trainer sends these workers new weights; null leaves it to whether the model is MODEL. */
  readonly updatesWeights: boolean | null;
}

export interface Spec {
  /** Null in router-only mode. */
  readonly model: Sourced<string | null>;
  readonly settings: Settings;
  /**
   * Arguments for the engines. The order of precedence is file `args` < file role < verbatim and after `--` < `--prefill.X`;
   * each list is already in that order, so that the last one wins, as in vLLM.
   */
  readonly engineArgs: { readonly prefill: readonly EngineArgument[]; readonly decode: readonly EngineArgument[] };
  /** Variables for the engines; of a repeated name the last one counts. */
  readonly engineEnv: { readonly prefill: readonly EngineVariable[]; readonly decode: readonly EngineVariable[] };
  /** The workers of another tool's file, each group with all its arguments; null where the plan counts and cuts itself. */
  readonly layout: Layout | null;
}

/** `flag --pd`, `env PDSERVE_PD`, `pdserve.yaml:12`, `default`. */
export function originText(origin: Origin): string {
  switch (origin.is) {
    case "default":
      return "default";
    case "file":
      return `${origin.path}:${origin.line}`;
    case "env":
      return `env ${origin.name}`;
    case "flag":
      return `flag ${origin.flag}`;
  }
}
