// Which of the user's variables for the engines have no effect, and why?

import type { Engine } from "../supervisor/engines/engine.ts";
import type { WorkerPlan } from "./plan.ts";
import { distinctProblems, type Problem } from "./problem.ts";
import { type EngineVariable, originText, type Spec } from "./spec.ts";

export function checkEngineEnv(spec: Spec, workers: readonly WorkerPlan[], engine: Engine): readonly Problem[] {
  const told = saidFor(spec).flatMap(({ role, env }) => {
    const ofRole = workers.filter((worker) => worker.role === role);
    return env.flatMap((variable) => warningFor(variable, ofRole, engine));
  });
  return distinctProblems(told);
}

function saidFor(
  { layout, engineEnv }: Spec,
): readonly { readonly role: string; readonly env: readonly EngineVariable[] }[] {
  if (layout !== null) return layout.groups;
  return [{ role: "prefill", env: engineEnv.prefill }, { role: "decode", env: engineEnv.decode }];
}

function warningFor(variable: EngineVariable, workers: readonly WorkerPlan[], engine: Engine): Problem[] {
  const { name } = variable;
  if (name === "VLLM_API_KEY") {
    return [ignored(variable, "the workers' key is made for each run, so that nobody goes around the router")];
  }
  const useless = engine.whyUselessVariable?.(name) ?? null;
  if (useless !== null) return [ignored(variable, useless)];
  const overruled = workers.find(({ userEnv, env }) => userEnv[name] !== undefined && userEnv[name] !== env[name]);
  if (overruled === undefined) return [];
  return [ignored(variable, `the plan gives each worker its own: ${overruled.env[name]} for ${overruled.name}`)];
}

function ignored({ name, origin }: EngineVariable, why: string): Problem {
  return {
    what: `Ignore the variable ${name} of the engines`,
    why,
    fix: `leave out ${name}`,
    where: originText(origin),
    severity: "warning",
  };
}
