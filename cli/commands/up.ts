// `pdserve up`: this process becomes the run's init; the core it starts plans, serves and supervises (core.ts).

import { becomeInit } from "../become_init.ts";
import { layerSpec } from "../../plan/layer_spec.ts";
import type { VerbInput } from "./command.ts";

export async function upCommand({ argv, line, context }: VerbInput): Promise<number> {
  // --detach has no place in a settings file, so nothing need be read to know it.
  const { spec } = layerSpec({ flags: line, env: context.env, file: null });
  if (!spec.settings.detach.value) return await becomeInit(argv, context);
  const { detachRun } = await import("../detach_run.ts");
  return await detachRun(argv, context);
}
