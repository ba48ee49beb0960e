// A question on the terminal, asked only where somebody can answer it.

import type { CliContext } from "./context.ts";

/** False, without asking, where input or output is no terminal. Anything but y or yes is no. */
export function askYesNo(question: string, { stdin, stderr }: CliContext): Promise<boolean> {
  if (stdin.isTTY !== true || !stderr.isTerminal) return Promise.resolve(false);
  stderr.write(`${question} [y/N] `);
  return new Promise((resolve) => {
    const read = (typed: Buffer | string) => {
      stdin.off("data", read);
      stdin.pause();
      resolve(/^y(es)?\s*$/i.test(typed.toString()));
    };
    stdin.on("data", read);
    stdin.resume();
  });
}
