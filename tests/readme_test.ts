// README.md is a product: its tables are the code's, and every command in it runs.

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withTables } from "../scripts/readme_tables.ts";
import { runToEnd } from "./e2e/run_pdserve.ts";

const readme = readFileSync(join(import.meta.dir, "../README.md"), "utf8");
const folder = mkdtempSync(join(tmpdir(), "pdserve-readme-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the tables of README.md say what the code says (else: bun run scripts/readme_tables.ts)", () => {
  expect(withTables(readme)).toBe(readme);
});

const lines = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap((block) => (block[1] ?? "").trim().split("\n"));
const own = lines.filter((line) => line.startsWith("dist/pdserve ") || line.startsWith("pdserve "));

test("README.md shows commands of the binary", () => {
  expect(own.length).toBeGreaterThan(4);
});

for (const line of own) {
  const args = splitWords(line).slice(1);
  // A command that starts engines is shown to be a good one by planning it for the box it speaks of.
  const starts = !["plan", "config", "connectors", "version"].includes(args[0] ?? "") && !args[0]?.startsWith("-");
  const shown = starts ? ["plan", "--machine", "8xH100", ...args] : args;
  test(`README: ${line}`, async () => {
    const run = await runToEnd(shown, { cwd: folder });
    expect(run.stderr).not.toMatch(/^pdserve:/m);
    expect(run.exitCode).toBe(0);
    expect(run.stdout.length).toBeGreaterThan(0);
  });
}

const inTable = [...readme.matchAll(/\| `(pdserve [^`]+)` /g)].map((match) => match[1] ?? "");
for (const line of inTable) {
  test(`README table: ${line}`, async () => {
    const args = splitWords(line).slice(1).map((word) => word === "MODEL" ? "org/model" : word);
    const other = args.includes("--prefill") ? [] : ["--machine", "8xH100"];
    const shown = args[0] === "plan" ? args : ["plan", ...other, ...args];
    const run = await runToEnd(shown, { cwd: folder });
    expect(run.stderr).not.toMatch(/^pdserve:/m);
    expect(run.exitCode).toBe(0);
  });
}

/** Words as a shell would split them; README uses no more than double quotes. */
function splitWords(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2] ?? "");
}
