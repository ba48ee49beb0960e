// The words that start the engine, when the user says others than the engine's own name.

import type { Problem } from "./problem.ts";
import { splitShellWords } from "./shell_words.ts";
import { originText, type Spec } from "./spec.ts";

/** `--engine-command "uv run vllm"` as words; empty when it is not given or cannot be read. */
export function engineCommand(spec: Spec): readonly string[] {
  return splitShellWords(spec.settings.engineCommand.value ?? "") ?? [];
}

export function checkEngineCommand(spec: Spec): readonly Problem[] {
  const { value, origin } = spec.settings.engineCommand;
  if (value === null || (splitShellWords(value) ?? []).length > 0) return [];
  return [{
    what: `Cannot read --engine-command "${value}"`,
    why: "it must be words, with each quote closed",
    fix: '--engine-command "uv run vllm"',
    where: originText(origin),
    severity: "error",
    exitCode: 2,
  }];
}
