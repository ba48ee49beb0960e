// Runs bun's test runner over some paths and reads its counts from the JUnit report.

import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** A runner that ends badly without naming a failed test (a crash, a file that does not load) counts as one failure. */
export function runTests(
  paths: readonly string[],
  options: { readonly timeoutMs: number; readonly env?: Readonly<Record<string, string>> },
): TestCounts {
  const report = join(tmpdir(), `pdserve-junit-${process.pid}.xml`);
  const run = Bun.spawnSync(
    [
      process.execPath,
      "test",
      `--timeout=${options.timeoutMs}`,
      "--reporter=junit",
      `--reporter-outfile=${report}`,
      ...paths,
    ],
    { env: { ...process.env, ...options.env }, stdio: ["ignore", "inherit", "inherit"] },
  );
  const counts = readCounts(report);
  rmSync(report, { force: true });
  if (run.exitCode !== 0 && counts.failed === 0) return { ...counts, failed: 1 };
  return counts;
}

/** The line that CI reads, always the last. */
export function closingLine({ passed, failed, skipped }: TestCounts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

function readCounts(report: string): TestCounts {
  let root: string;
  try {
    root = readFileSync(report, "utf8").match(/<testsuites [^>]*>/)?.[0] ?? "";
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
  const count = (name: string) => Number(root.match(new RegExp(`\\b${name}="(\\d+)"`))?.[1] ?? 0);
  const failed = count("failures") + count("errors");
  return { passed: count("tests") - failed - count("skipped"), failed, skipped: count("skipped") };
}
