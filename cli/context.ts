// What a verb may touch of the world; main.ts hands over the real one, tests their own.

import type { Readable } from "node:stream";

export interface CliContext {
  /** pdserve's own version. */
  readonly version: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdout: Terminal;
  readonly stderr: Terminal;
  readonly stdin: Keyboard;
}

/** A stream people or programs read. */
export interface Terminal {
  write(text: string): void;
  /** Resolves when everything written has left this process. */
  flushed(): Promise<void>;
  readonly isTerminal: boolean;
  readonly columns: number;
  readonly rows: number;
}

/** Standard input, for single keys. `setRawMode` exists on terminals only. */
export type Keyboard = Pick<Readable, "on" | "off" | "resume" | "pause"> & {
  readonly isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
};
