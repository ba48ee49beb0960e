import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeBundle } from "../../../cli/doctor/bundle.ts";

test("writeBundle() packs the reports and the run's files so that tar reads them, without the environment's secrets", () => {
  const folder = mkdtempSync(join(tmpdir(), "pdserve-bundle-"));
  const path = join(folder, "run");
  mkdirSync(join(path, "logs"), { recursive: true });
  writeFileSync(join(path, "run.json"), "{}");
  writeFileSync(join(path, "logs/decode-0.log"), "token is very-secret-value here\n");
  const archive = join(folder, "bundle.tar.gz");
  const run = { runId: "r", path, run: null, alive: false };
  const names = writeBundle(archive, { "doctor.txt": "text" }, run, {
    HF_TOKEN: "very-secret-value",
    HOME: "/home/me",
  });
  expect(names).toEqual(["doctor.txt", "run.json", "logs/decode-0.log"]);
  expect(Bun.spawnSync(["tar", "xzf", archive, "-C", folder]).exitCode).toBe(0);
  expect(readFileSync(join(folder, "pdserve/doctor.txt"), "utf8")).toBe("text");
  expect(readFileSync(join(folder, "pdserve/logs/decode-0.log"), "utf8")).toBe("token is *** here\n");
  rmSync(folder, { recursive: true });
});
