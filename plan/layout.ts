// Workers as another tool's file lays them out, group by group; it stands in for --pd, the lists of GPUs and the sizes.

import type { Role } from "../kv/connector.ts";
import type { EngineArgument, EngineVariable, Origin, Sourced } from "./spec.ts";

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
