// The folder the workers run in, made when it is not there.

import { mkdirSync } from "node:fs";
import type { Problem } from "../plan/problem.ts";
import { originText, type Sourced } from "../plan/spec.ts";

/** Null when it is there now. `path` is absolute. */
export function makeWorkDir(path: string, { origin }: Sourced<unknown>): Problem | null {
  try {
    mkdirSync(path, { recursive: true });
    return null;
  } catch (error) {
    const why = error instanceof Error && "code" in error ? String(error.code) : String(error);
    const said = {
      what: `Cannot make the workers' folder "${path}"`,
      why,
      fix: "--work-dir with a folder you may write to",
    };
    return { ...said, where: originText(origin), severity: "error", exitCode: 2 };
  }
}
