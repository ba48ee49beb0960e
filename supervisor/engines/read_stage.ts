// Where a starting engine is, by one line of its log and that engine's patterns.

import type { Stage } from "./engine.ts";

/** In the order they are tried; groups `done` and `of` count a part of a stage. */
export type StagePatterns = readonly (readonly [Stage["name"], RegExp])[];

/** Progress is told in short lines; the long ones are configuration. */
const readChars = 512;

/** Null for a line that tells nothing of progress. */
export function readStage(line: string, patterns: StagePatterns): Stage | null {
  const text = line.slice(0, readChars);
  for (const [name, pattern] of patterns) {
    const found = pattern.exec(text);
    if (!found) continue;
    const { done, of } = found.groups ?? {};
    return done !== undefined && of !== undefined ? { name, done: Number(done), of: Number(of) } : { name };
  }
  return null;
}
