// What `npm test` runs: format, lint, types, build, then every test that needs no real engine. Ends with `N passed, N failed`.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { closingLine, runTests, sumOf } from "./run_tests.ts";

interface Step {
  readonly name: string;
  readonly command: readonly string[];
}

const bin = (name: string) => join("node_modules", ".bin", name);

const steps: readonly Step[] = [
  { name: "format", command: [bin("deno"), "fmt", "--check", "--quiet"] },
  { name: "lint", command: [bin("deno"), "lint", "--quiet"] },
  { name: "types (bun)", command: [process.execPath, "check"] },
  { name: "types (tsc)", command: [bin("tsc"), "--noEmit"] },
  { name: "build", command: [process.execPath, "run", "scripts/build.ts"] },
];

const stepsFailed = steps.filter((step) => !runStep(step)).length;
const asked = Bun.argv.slice(2);
const runs = await Promise.all(
  asked.length > 0 ? [runTests(asked, { timeoutMs: 60_000 })] : [
    runTests(allBut("real", "fixtures", "e2e"), { timeoutMs: 60_000 }),
    // Beside the others: they mostly wait for processes.
    runTests(["./tests/e2e"], { timeoutMs: 60_000, printsLater: true }),
  ],
);
const total = sumOf([...runs, { passed: steps.length - stepsFailed, failed: stepsFailed, skipped: 0 }]);
console.log(closingLine(total));
process.exit(total.failed === 0 ? 0 : 1);

function runStep(step: Step): boolean {
  const startedMs = performance.now();
  const run = Bun.spawnSync([...step.command], { stdio: ["ignore", "inherit", "inherit"] });
  console.log(
    `${run.exitCode === 0 ? "✓" : "✗"} ${step.name} (${((performance.now() - startedMs) / 1000).toFixed(1)} s)`,
  );
  return run.exitCode === 0;
}

/** tests/real is for `npm run test:real`. */
function allBut(...names: readonly string[]): readonly string[] {
  return readdirSync("tests").filter((name) => !names.includes(name)).map((name) => `./tests/${name}`);
}
