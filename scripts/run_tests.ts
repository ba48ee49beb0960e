// Runs bun's test runner over some paths and reads its counts from the JUnit report.

import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
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

/**
 * Files in which something failed are run once more, by themselves: a crowded machine fails tests that wait for processes. What
 * passes only then is named, and counts as passed.
 */
export async function runTests(paths: readonly string[], options: RunTests): Promise<TestCounts> {
  const first = await runOnce(paths, options);
  const failing = first.filter(({ failed }) => failed > 0);
  if (failing.length === 0 || failing.some(({ file }) => file === null)) return sumOf(first);
  console.log(`again, by themselves: ${failing.map(({ file }) => file).join(", ")}`);
  const again = await runOnce(failing.map(({ file }) => `./${file}`), options);
  for (const { file, failed } of again) if (failed === 0) console.log(`passed only by itself: ${file}`);
  return sumOf([...first.filter(({ failed }) => failed === 0), ...again]);
}

/** The line that CI reads, always the last. */
export function closingLine({ passed, failed, skipped }: TestCounts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

interface FileCounts extends TestCounts {
  /** Null for a runner that ended badly without naming a failed test: a crash, a file that does not load. */
  readonly file: string | null;
}

async function runOnce(paths: readonly string[], options: RunTests): Promise<readonly FileCounts[]> {
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
  const counts = existsSync(report) ? readCounts(readFileSync(report, "utf8")) : [];
  rmSync(folder, { recursive: true, force: true });
  const endedBadly = exitCode !== 0 && counts.every(({ failed }) => failed === 0);
  return endedBadly ? [...counts, { file: null, passed: 0, failed: 1, skipped: 0 }] : counts;
}

/** One suite for each file stands at the first level of the report; those of `describe` are inside. */
function readCounts(report: string): readonly FileCounts[] {
  return [...report.matchAll(/^ {2}<testsuite [^>]*>/gm)].map(([suite]) => {
    const count = (name: string) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(suite)?.[1] ?? 0);
    const failed = count("failures") + count("errors");
    const skipped = count("skipped");
    const file = /\bfile="([^"]*)"/.exec(suite)?.[1] ?? null;
    return { file, passed: count("tests") - failed - skipped, failed, skipped };
  });
}

export function sumOf(counts: readonly TestCounts[]): TestCounts {
  const sum = (count: (one: TestCounts) => number) => counts.reduce((total, one) => total + count(one), 0);
  return { passed: sum((one) => one.passed), failed: sum((one) => one.failed), skipped: sum((one) => one.skipped) };
}
