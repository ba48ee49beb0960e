// What lies in the folder a user starts pdserve in must not change it.

import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runToEnd } from "./run_pdserve.ts";

let folder = "";
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a .env file and a bunfig.toml change nothing", async () => {
  folder = mkdtempSync(join(tmpdir(), "pdserve-folder-"));
  writeFileSync(join(folder, ".env"), "PDSERVE_PORT=4242\nPDSERVE_PD=7P7D\n");
  writeFileSync(join(folder, "bunfig.toml"), 'preload = ["./preload.ts"]\n');
  writeFileSync(join(folder, "preload.ts"), 'console.log("preloaded");\n');
  const inFolder = await runToEnd(["config"], { cwd: folder });
  const elsewhere = await runToEnd(["config"]);
  expect(inFolder.exitCode).toBe(0);
  expect(inFolder.stdout).toBe(elsewhere.stdout);
  expect(inFolder.stdout).not.toContain("4242");
});

test("--version answers with the version and nothing else", async () => {
  const { exitCode, stdout, stderr } = await runToEnd(["--version"]);
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^pdserve \d+\.\d+\.\d+/);
  expect(stderr).toBe("");
});
