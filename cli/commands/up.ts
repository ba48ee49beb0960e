// `pdserve up`: this process becomes the run's init; the core it starts plans, serves and supervises (core.ts).

import { runInit } from "../../supervisor/init.ts";
import type { VerbInput } from "./command.ts";

export function upCommand({ argv }: VerbInput): Promise<number> {
  return runInit({ argv });
}
