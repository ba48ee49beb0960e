// For the process that outlives the one that drew: a terminal as people expect it, after a core that could not clean up.

import { spawnSync } from "node:child_process";
import type { CliContext } from "../context.ts";

export function restoreTerminal({ stderr, stdin }: Pick<CliContext, "stderr" | "stdin">): void {
  if (stderr.isTerminal) stderr.write("\x1b[?25h");
  // Keys were read one by one; only `stty` knows how to undo what another process has set.
  if (stdin.isTTY) spawnSync("stty", ["sane"], { stdio: ["inherit", "ignore", "ignore"] });
}
