// The short name of a plan: equal wishes on equal machines give equal ids.

import { createHash } from "node:crypto";
import type { Plan } from "./plan.ts";

/** Engine ids and what is built from them differ with every run and do not count. */
export function planIdOf(plan: Omit<Plan, "planId">): string {
  const workers = plan.workers.map(({ argv: _argv, env: _env, engineId: _engineId, ...rest }) => rest);
  const { sharedDir: _sharedDir, ...launch } = plan.launch;
  const text = JSON.stringify({ ...plan, launch, workers, problems: [] });
  return createHash("sha256").update(text).digest("hex").slice(0, 6);
}
