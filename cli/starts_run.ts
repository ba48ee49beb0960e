// Does this command line start a run? Seen without reading it, so that the run's init loads nothing that it does not need.

import { internalVerbs, verbs } from "./verbs.ts";

/** False where in doubt: the line is then read whole first, and the run starts all the same. The core says what is wrong with it. */
export function startsRun(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): boolean {
  const mayNot = (word: string) => leadsElsewhere.test(word) || (word !== "up" && otherWords.has(word));
  return argv.length > 0 && !argv.some(mayNot) && env.PDSERVE_DRY_RUN === undefined && env.PDSERVE_DETACH === undefined;
}

const leadsElsewhere = /^(-h|--help|-V|--version|--dry-run|--detach)(=|$)/;
const otherWords: ReadonlySet<string> = new Set([...Object.keys(verbs), ...internalVerbs]);
