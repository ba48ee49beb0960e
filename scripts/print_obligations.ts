// Prints docs/obligations.md: each promise of the systems people come from, with the tests that show it or the reason why none does.

import { Glob } from "bun";
import { readFileSync, writeFileSync } from "node:fs";
import { type Obligation, obligations } from "../tests/seeds/obligations.ts";

export const obligationsPath = "docs/obligations.md";

export interface CoveringTest {
  readonly file: string;
  /** Ids in front of a test's title: `V12, V15: …`. */
  readonly ids: readonly string[];
}

/** Every test whose title begins with ids. */
export function coveringTests(): readonly CoveringTest[] {
  return [...new Glob("tests/**/*_test.ts").scanSync(".")].sort().flatMap((file) =>
    [...readFileSync(file, "utf8").matchAll(/["'`]((?:[VPKJ]\d{1,2})(?:, [VPKJ]\d{1,2})*): /g)].map((found) => ({
      file,
      ids: found[1]?.split(", ") ?? [],
    }))
  );
}

export function obligationsPage(tests: readonly CoveringTest[]): string {
  const count = (status: Obligation["status"]) => obligations.filter((one) => one.status === status).length;
  const rows = obligations.map((one) => {
    const named = one.shownBy.map((named) => `tests/${named.split(": ")[0]}`);
    const titled = tests.filter(({ ids }) => ids.includes(one.id)).map(({ file }) => file);
    const files = [...new Set([...titled, ...named])].map((file) => `\`${file}\``);
    const state = { test: "tested", "not-here": "not on one node" }[one.status];
    return `| ${one.id} | ${one.says} | ${state} | ${
      [...files, one.reason].filter((part) => part !== "").join("; ")
    } |`;
  });
  return [
    "# What other systems promise",
    "",
    "V: vime and slime. P: PRIME-RL. K: the guide to vLLM's disaggregated serving. J: pdjob. Printed by `npm run obligations`.",
    "",
    `${count("test")} tested, ${count("not-here")} without a meaning on one node.`,
    "",
    "| Id | Promise | State | Test or reason |",
    "| --- | --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}

if (import.meta.main) {
  writeFileSync(obligationsPath, obligationsPage(coveringTests()));
  console.log(`wrote ${obligationsPath}`);
}
