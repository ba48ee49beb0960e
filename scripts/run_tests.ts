// Runs bun's test runner over some paths and reads its counts from the JUnit report.

import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface RunTests {
  readonly timeoutMs: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Prints all output at the end, so that it does not mix with that of another runner beside this one. */
  readonly printsLater?: boolean;
}

/** A runner that ends badly without naming a failed test (a crash, a file that does not load) counts as one failure. */
export async function runTests(paths: readonly string[], options: RunTests): Promise<TestCounts> {
  const { timeoutMs, env, printsLater = false } = options;
  const folder = mkdtempSync(join(tmpdir(), "pdserve-tests-"));
  const [report, output] = [join(folder, "junit.xml"), join(folder, "output")];
  const runner = [
    process.execPath,
    "test",
    `--timeout=${timeoutMs}`,
    "--reporter=junit",
    `--reporter-outfile=${report}`,
  ];
  const outputFd = printsLater ? openSync(output, "w") : null;
  const run = Bun.spawn([...runner, ...paths], {
    env: { ...process.env, ...env },
    stdio: ["ignore", outputFd ?? "inherit", outputFd ?? "inherit"],
  });
  const exitCode = await run.exited;
  if (outputFd !== null) process.stdout.write(readFileSync(output));
  const counts = readCounts(report);
  rmSync(folder, { recursive: true, force: true });
  return exitCode !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
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
