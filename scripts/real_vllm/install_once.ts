// An installation into a cache folder, done once: its steps in order, a mark when all are through.

import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { whatThisMachineLacks } from "./this_machine.ts";

export type Installed<At> =
  | { readonly is: "installed"; readonly at: At }
  /** The machine cannot have it; tests are skipped with this reason. */
  | { readonly is: "unavailable"; readonly reason: string };

export interface Step {
  readonly name: string;
  /** Null when done, else the end of what the failed command printed. */
  run(): string | null;
}

export interface Installation<At> {
  readonly root: string;
  /** Where its parts are, once it is there. */
  readonly at: At;
  /** Told before it begins: what, how long, how large. */
  readonly title: string;
  readonly steps: readonly Step[];
}

export function installOnce<At>(
  { root, at, title, steps }: Installation<At>,
  log: (line: string) => void,
): Installed<At> {
  const mark = join(root, "ready");
  if (existsSync(mark)) return { is: "installed", at };

  const lacking = whatThisMachineLacks(root);
  if (lacking !== null) return { is: "unavailable", reason: lacking };
  log(`installing ${title}…`);
  for (const step of steps) {
    const startedMs = performance.now();
    const failure = step.run();
    if (failure !== null) return { is: "unavailable", reason: `${step.name} failed: ${failure}` };
    log(`  ${step.name} (${((performance.now() - startedMs) / 1000).toFixed(0)} s)`);
  }
  writeFileSync(mark, "");
  return { is: "installed", at };
}
