// What the readers of a topology file share.

import type { Node } from "yaml";
import type { Problem } from "../../problem.ts";
import type { Origin } from "../../spec.ts";

export interface RolloutReading {
  readonly originAt: (node: Node) => Origin;
  readonly problems: Problem[];
  /** Whose names the workers' command lines take. */
  readonly speaks: "vllm" | "sglang";
}
