// Before a run starts: what an earlier one left behind is killed, asked about, or told of.

import { findLeftovers, type Leftover, reapLeftovers } from "../control/leftovers.ts";
import type { Problem } from "../plan/problem.ts";
import { askYesNo } from "./ask_yes_no.ts";
import type { CliContext } from "./context.ts";
import { countText } from "./render/quantities.ts";

/** Returns what is to be told with the plan. */
export async function handleLeftovers(
  stateDir: string,
  wantsReap: boolean,
  context: CliContext,
): Promise<readonly Problem[]> {
  const left = findLeftovers(stateDir);
  if (left.length === 0) return [];
  const wants = wantsReap || await askYesNo(`${textOf(left)}. Kill them?`, context);
  if (!wants) return [warning(textOf(left), "their GPUs and ports are in use", "--reap kills them before starting")];
  const alive = reapLeftovers(stateDir);
  if (alive.length > 0) {
    const who = alive.map(({ pid, name }) => `${pid} (${name})`).join(", ");
    return [
      warning(`Process ${who} of an earlier run does not die`, "it hangs in the kernel or a driver", "wait, or reboot"),
    ];
  }
  context.stderr.write(`pdserve: killed ${textOf(left)}\n`);
  return [];
}

/** `3 processes left by 20261121-114503-9f3a1c: 4711 (VLLM::EngineCor), …`. */
function textOf(left: readonly Leftover[]): string {
  const parts = left.map(({ run, processes }) => {
    const who = processes.slice(0, 4).map(({ pid, name }) => `${pid} (${name})`).join(", ");
    const more = processes.length > 4 ? ", …" : "";
    return `${
      countText(processes.length, "process").replace(/processs$/, "processes")
    } left by ${run.runId}: ${who}${more}`;
  });
  return parts.join("; ");
}

function warning(what: string, why: string, fix: string): Problem {
  return { what, why, fix, where: "machine", severity: "warning" };
}
