// This process as a run's init, and the terminal as it was when a core ends that could not put it back.

import { runInit } from "../supervisor/init.ts";
import type { CliContext } from "./context.ts";
import { restoreTerminal } from "./render/restore_terminal.ts";

export async function becomeInit(argv: readonly string[], context: CliContext): Promise<number> {
  const exitCode = await runInit({ argv });
  if (exitCode > SIGNAL_BASE) restoreTerminal(context);
  return exitCode;
}

/** An exit code above it tells of a signal. */
const SIGNAL_BASE = 128;
