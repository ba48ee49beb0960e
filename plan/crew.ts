// The workers a plan is made of, before they have ports and commands: from flags, or from another tool's layout.

import type { Role } from "../kv/connector.ts";
import type { Problem } from "./problem.ts";
import type { Surroundings } from "./surroundings.ts";
import { engineIdFor, type WorkerSlot } from "./worker_command.ts";
import type { RoleShape } from "./worker_shape.ts";

/** What is known of the workers before it is known which engine is installed and whether GPUs are used. */
export interface CrewWish {
  /** Of all workers together: they may decide the engine's version. */
  readonly userArgs: readonly string[];
  /** Taken out of the arguments, as environment. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly problems: readonly Problem[];
  /** `namesOnly`: no GPUs are used, ids are names. */
  place(namesOnly: boolean): Crew;
}

export interface Crew {
  /** Without ports. */
  readonly workers: readonly WorkerSlot[];
  /** One line on which GPUs do what and why; null when the user said it all. */
  readonly split: string | null;
  /** By worker name, then purpose, the first port it would like or must have. */
  readonly ports: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly problems: readonly Problem[];
}

export function workerSlot(
  role: Role,
  index: number,
  gpus: readonly string[],
  shape: RoleShape,
  around: Surroundings,
): WorkerSlot {
  const name = `${role}-${index}`;
  return {
    ...{ name, role, gpus },
    tp: shape.tp ?? gpus.length / (shape.dp * shape.pp),
    ...{ dp: shape.dp, pp: shape.pp, host: "127.0.0.1", port: 0, ports: {} },
    engineId: engineIdFor(name, around.nonce),
    ...{ userArgs: shape.userArgs, userEnv: shape.userEnv, cwd: around.cwd, external: null },
  };
}
