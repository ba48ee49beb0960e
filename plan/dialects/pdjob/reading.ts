// What the readers of a pdjob's parts share.

import type { Node, YAMLMap } from "yaml";
import type { Problem } from "../../problem.ts";
import type { Origin } from "../../spec.ts";

export interface PdjobReading {
  readonly root: YAMLMap;
  readonly originAt: (node: Node) => Origin;
  readonly problems: Problem[];
}
