// How a tool's file says what pdserve is to do.

import type { Layer } from "../layer.ts";
import type { Problem } from "../problem.ts";

export interface ReadFile {
  readonly layer: Layer;
  /** Each names file:line, the key, and the nearest valid key where there is one. */
  readonly problems: readonly Problem[];
}

/** What the line says that a file is read by. */
export interface Asked {
  /** `--model-entry`: which of the file's models. */
  readonly modelEntry?: string | null;
  /** `--engine`, where the line or the environment says it. */
  readonly engine?: string | null;
  /** `--scheduler`: whether a pdjob's own router is run. */
  readonly scheduler?: "auto" | "command" | "builtin";
  /** pdserve's own environment, which the engines inherit: what is set there is the user's word. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Pure: the caller has read the file. `path` is shown to people and never opened. */
export interface Dialect {
  readonly name: string;
  matches(path: string, text: string): boolean;
  read(text: string, path: string, asked?: Asked): ReadFile;
}
