// The process that outlives its parent: what a SIGKILL of vLLM's API server leaves behind (connectors-and-failures.md §6).

import { spawn } from "node:child_process";
import type { Faults } from "./settings/faults.ts";

/** Nobody needs it longer, and a forgotten one must not stay for ever. */
const LIFETIME_S = 600;

export interface Orphan {
  /** A clean end takes it along, unless it has left for a session of its own. */
  end(): void;
}

/** `group`: a child in this process group. `session`: forked twice, in a session of its own. Both ignore SIGTERM. */
export function startOrphan(kind: Faults["orphan"]): Orphan | null {
  if (kind === "none") return null;
  const ignoring = `trap '' TERM INT HUP; exec sleep ${LIFETIME_S}`;
  if (kind === "group") {
    const child = spawn("sh", ["-c", ignoring], { stdio: "ignore" });
    child.unref();
    return { end: () => void child.kill("SIGKILL") };
  }
  spawn("sh", ["-c", `(${ignoring}) &`], { stdio: "ignore", detached: true }).unref();
  return { end: () => {} };
}
