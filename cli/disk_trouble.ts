// A disk that takes no more must not end the serving; it is told once.

import type { Problem } from "../plan/problem.ts";

export function diskTrouble(what: string, why: string): Problem {
  return {
    what: `Cannot write ${what}; serving goes on`,
    why,
    fix: "--state-dir with a folder that has room",
    where: "machine",
    severity: "warning",
  };
}
