// What `npm test` runs: format, lint, types, build, then every test. Ends with one line `N passed, N failed`.

import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

interface Step {
  readonly name: string;
  readonly command: readonly string[];
}

const bin = (name: string) => join("node_modules", ".bin", name);

const steps: readonly Step[] = [
  { name: "format", command: [bin("deno"), "fmt", "--check", "--quiet"] },
  { name: "lint", command: [bin("deno"), "lint", "--quiet"] },
  { name: "types", command: [process.execPath, "check"] },
  { name: "types (tsc)", command: [bin("tsc"), "--noEmit"] },
  { name: "build", command: [process.execPath, "run", "scripts/build.ts"] },
];

let passed = 0;
let failed = 0;

for (const step of steps) {
  const startedMs = performance.now();
  const run = Bun.spawnSync([...step.command], { stdio: ["ignore", "inherit", "inherit"] });
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  if (run.exitCode === 0) passed += 1;
  else failed += 1;
  console.log(`${run.exitCode === 0 ? "✓" : "✗"} ${step.name} (${seconds} s)`);
}

const tests = runTests(Bun.argv.slice(2));
passed += tests.passed;
failed += tests.failed;
console.log(`${passed} passed, ${failed} failed${tests.skipped > 0 ? `, ${tests.skipped} skipped` : ""}`);
process.exit(failed === 0 ? 0 : 1);

/** Runs bun's test runner and reads its counts from the JUnit report; a runner that ends badly without one counts as a failure. */
function runTests(paths: readonly string[]): { passed: number; failed: number; skipped: number } {
  const report = join(tmpdir(), `pdserve-junit-${process.pid}.xml`);
  const run = Bun.spawnSync(
    [
      process.execPath,
      "test",
      "--timeout=60000",
      "--reporter=junit",
      `--reporter-outfile=${report}`,
      ...(paths.length > 0 ? paths : ["tests/"]),
    ],
    { stdio: ["ignore", "inherit", "inherit"] },
  );
  const counts = readCounts(report);
  rmSync(report, { force: true });
  if (run.exitCode !== 0 && counts.failed === 0) return { ...counts, failed: 1 };
  return counts;
}

function readCounts(report: string): { passed: number; failed: number; skipped: number } {
  let root: string;
  try {
    root = readFileSync(report, "utf8").match(/<testsuites [^>]*>/)?.[0] ?? "";
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
  const count = (name: string) => Number(root.match(new RegExp(`\\b${name}="(\\d+)"`))?.[1] ?? 0);
  const failures = count("failures") + count("errors");
  return { passed: count("tests") - failures - count("skipped"), failed: failures, skipped: count("skipped") };
}
