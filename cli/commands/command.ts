// What every verb gets and gives.

import type { CliContext } from "../context.ts";
import type { SplitArgv } from "../split_argv.ts";

export interface VerbInput {
  /** All words after `pdserve`, the verb included. */
  readonly argv: readonly string[];
  readonly line: SplitArgv;
  readonly context: CliContext;
}

/** Resolves to the exit code. */
export type Command = (input: VerbInput) => Promise<number>;
