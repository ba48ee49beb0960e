// The models of the topology file that the line names.

import { resolve } from "node:path";
import { modelNames } from "../plan/dialects/rollout/model_names.ts";
import type { Spec } from "../plan/spec.ts";
import type { CliContext } from "./context.ts";
import { readText } from "./read_text.ts";

/** Empty where no file is named or it cannot be read: planning says so. */
export async function entriesOf({ settings }: Spec, { cwd }: CliContext): Promise<readonly string[]> {
  const [key, path] = settings.vllmConfig.value !== null
    ? ["vllm", settings.vllmConfig.value] as const
    : ["sglang", settings.sglangConfig.value] as const;
  if (path === null) return [];
  const read = await readText(resolve(cwd, path));
  return read.is === "text" ? modelNames(key, read.text, path) : [];
}
