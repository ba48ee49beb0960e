// What `npm test` runs: format, lint, types, build, then every test that needs no real engine. Ends with `N passed, N failed`.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { closingLine, runTests } from "./run_tests.ts";

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
const paths = Bun.argv.length > 2 ? Bun.argv.slice(2) : allButReal();
const tests = runTests(paths, { timeoutMs: 60_000 });
const total = {
  passed: tests.passed + steps.length - stepsFailed,
  failed: tests.failed + stepsFailed,
  skipped: tests.skipped,
};
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

/** Everything but tests/real, which `npm run test:real` runs on a real vLLM. */
function allButReal(): readonly string[] {
  return readdirSync("tests").filter((name) => !["real", "fixtures"].includes(name)).map((name) => `./tests/${name}`);
}
