// The last line of a run.

import { exitCodes } from "../exit_codes.ts";
import type { Paint } from "./color.ts";

export function stoppedLine(exitCode: number, paint: Paint): string {
  if (exitCode === exitCodes.ok) return `  ${paint.green("✓")} stopped`;
  const meaning = meanings[exitCode];
  return `  ${paint.red("✗")} stopped, exit code ${exitCode}${meaning === undefined ? "" : ` (${meaning})`}`;
}

const meanings: Readonly<Record<number, string>> = {
  [exitCodes.couldNotStart]: "a restart will not help",
  [exitCodes.badUsage]: "mend the command line or the settings file first",
  [exitCodes.engineMissing]: "the engine is missing",
  [exitCodes.tryAgain]: "trying again may help",
  [exitCodes.interrupted]: "interrupted",
  [exitCodes.killed]: "killed",
};
