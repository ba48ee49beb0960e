// A problem of another tool's file, told at its line.

import type { Problem } from "../problem.ts";
import { type Origin, originText } from "../spec.ts";

interface Said {
  readonly what: string;
  readonly why: string;
  readonly fix: string;
}

export function errorAt(origin: Origin, said: Said): Problem {
  return { ...said, where: originText(origin), severity: "error", exitCode: 2 };
}

/** What is not honoured but does no harm. */
export function warningAt(origin: Origin, said: Said): Problem {
  return { ...said, where: originText(origin), severity: "warning" };
}
