// The end of a failed worker's log, with the line that says why always in it.

import type { Diagnosis } from "./engines/engine.ts";

export interface Excerpt {
  readonly lines: readonly string[];
  /** The diagnosis with `line` as an index into these lines. */
  readonly diagnosis: Diagnosis;
}

/** The last `count` lines; a root cause further up takes the place of the first two of them. */
export function failureExcerpt(lines: readonly string[], diagnosis: Diagnosis, count: number): Excerpt {
  const first = Math.max(0, lines.length - count);
  const last = lines.slice(first);
  const cause = diagnosis.line === null ? undefined : lines[diagnosis.line];
  if (diagnosis.line === null || cause === undefined) return { lines: last, diagnosis: { ...diagnosis, line: null } };
  if (diagnosis.line >= first) return { lines: last, diagnosis: { ...diagnosis, line: diagnosis.line - first } };
  return { lines: [cause, "…", ...last.slice(2)], diagnosis: { ...diagnosis, line: 0 } };
}
