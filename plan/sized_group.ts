// How many workers one group of a layout makes, and of how many GPUs.

import type { Engine } from "../supervisor/engines/engine.ts";
import type { Problem } from "./problem.ts";
import { originText, type Spec, type WorkerGroup } from "./spec.ts";
import { type RoleShape, shapeOf } from "./worker_shape.ts";

export interface SizedGroup {
  readonly role: WorkerGroup["role"];
  readonly gpus: WorkerGroup["gpus"];
  readonly gpusPerWorker: number;
  readonly workers: number;
  readonly shape: RoleShape;
  readonly ports: Readonly<Record<string, number>>;
  /** `pd.yaml:7`. */
  readonly where: string;
}

export function sizedGroup(
  group: WorkerGroup,
  spec: Spec,
  engine: Engine,
): { readonly group: SizedGroup; readonly problems: readonly Problem[] } {
  const { shape, problems } = shapeOf(group.args, group.env, engine);
  const gpusPerWorker = group.gpusPerWorker ?? spec.settings.rolloutGpusPerEngine.value ?? 1;
  const listed = typeof group.gpus === "number" ? group.gpus : group.gpus.length;
  const where = originText(group.origin);
  const { role, gpus, ports = {} } = group;
  // A placeholder holds GPUs one by one: it has no workers that a rest could be too small for.
  const size = role === "placeholder" ? 1 : gpusPerWorker;
  return {
    group: { role, gpus, gpusPerWorker: size, workers: Math.floor(listed / size), shape, ports, where },
    problems: role === "placeholder" ? problems : [...problems, ...sizeProblems(group, shape, size, listed, where)],
  };
}

function sizeProblems({ role, tp }: WorkerGroup, shape: RoleShape, size: number, listed: number, where: string) {
  const problems: Problem[] = [];
  const say = (what: string, why: string, fix: string) => {
    problems.push({ what, why, fix, where, severity: "error", exitCode: 2 });
  };
  const inner = shape.dp * shape.pp;
  const product = (tp ?? size / inner) * inner;
  if (listed < size) {
    say(`Cannot make a ${role} worker of ${size} GPUs out of ${listed}`, "not even one fits", `${size} GPUs for it`);
  }
  if (!Number.isInteger(size / inner) || product !== size) {
    say(
      `A ${role} worker has ${size} GPUs, but its parallel sizes make ${product}`,
      `tensor ${tp ?? "?"} × pipeline ${shape.pp} × data ${shape.dp} must be the GPUs of one worker`,
      Number.isInteger(size / inner) ? `tensor size ${size / inner}, or workers of ${product}` : `workers of ${inner}`,
    );
  }
  return problems;
}
