// Is there a model to serve, as far as its name tells?

import type { Problem } from "./problem.ts";
import { originText, type Sourced } from "./spec.ts";

/** `org/name` is a hub id; these are folders or files on this machine. */
export function looksLikePath(model: string): boolean {
  return /^(\.{0,2}\/|~\/|\.{1,2}$)/.test(model);
}

export function checkModel(model: Sourced<string | null>, exists: boolean | null): readonly Problem[] {
  const where = originText(model.origin);
  if (model.value === null) {
    return [{
      what: "Name the model to serve",
      why: "there is neither MODEL nor a list of running workers",
      fix: "pdserve Qwen/Qwen3-0.6B, or --prefill URL --decode URL",
      where: "flag MODEL",
      severity: "error",
      exitCode: 2,
    }];
  }
  if (exists !== false || !looksLikePath(model.value)) return [];
  return [{
    what: `Cannot find the model "${model.value}"`,
    why: "it is written as a path, and nothing is there",
    fix: model.value.startsWith("~")
      ? "write the path without ~"
      : "the path of a model folder, or a hub id such as Qwen/Qwen3-0.6B",
    where,
    severity: "error",
    exitCode: 2,
  }];
}
