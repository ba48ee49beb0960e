// A verb's world made of strings, for tests.

import { PassThrough } from "node:stream";
import type { CliContext, Terminal } from "../../cli/context.ts";

export interface FakeContext extends CliContext {
  /** What was written so far. */
  said(): { readonly stdout: string; readonly stderr: string };
}

export function fakeContext(changes: Partial<CliContext> & { readonly columns?: number } = {}): FakeContext {
  const [out, err] = [fakeTerminal(changes.columns), fakeTerminal(changes.columns)];
  return {
    ...{ version: "0.1.0", env: {}, cwd: "/nowhere", stdin: new PassThrough() },
    ...{ stdout: out.terminal, stderr: err.terminal },
    ...changes,
    said: () => ({ stdout: out.text(), stderr: err.text() }),
  };
}

/** A terminal when `columns` is given, else a pipe. */
function fakeTerminal(columns?: number): { terminal: Terminal; text(): string } {
  let text = "";
  const terminal = {
    write: (more: string) => void (text += more),
    flushed: () => Promise.resolve(),
    ...{ isTerminal: columns !== undefined, columns: columns ?? 80, rows: 24 },
  };
  return { terminal, text: () => text };
}
