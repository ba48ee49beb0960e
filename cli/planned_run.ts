// A run that has a plan: what serving it needs to know.

import type { RunDir } from "../control/run_dir.ts";
import type { Connector } from "../kv/connector.ts";
import type { Plan } from "../plan/plan.ts";
import type { PlanSources } from "./plan_from_argv.ts";
import type { Wish } from "./read_wish.ts";

export interface PlannedRun {
  readonly wish: Wish;
  readonly plan: Plan;
  readonly connector: Connector;
  readonly stateDir: string;
  readonly runDir: RunDir;
  /** What the plan was made from; a reload makes it again. */
  readonly sources: PlanSources;
}
