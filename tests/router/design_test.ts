// router/DESIGN.md names flags and files: all of them exist. Its retry table is walked by failures_test.ts.

import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Setting, settings } from "../../plan/settings.ts";

const folder = join(import.meta.dir, "../../router");
const text = readFileSync(join(folder, "DESIGN.md"), "utf8");
const named = (pattern: RegExp) => [...new Set([...text.matchAll(pattern)].map(([, name]) => name!))];

test("every flag in router/DESIGN.md is a setting", () => {
  const flags = new Set(Object.values(settings).map(({ flag }: Setting) => flag));
  const unknown = named(/`(--[a-z-]+)/g).filter((flag) => !flags.has(flag));
  expect(unknown).toEqual([]);
});

test("every file in router/DESIGN.md is there", () => {
  const places = [folder, join(folder, "admin"), join(folder, "procs"), import.meta.dir];
  const missing = named(/`([a-z_]+\.ts)`/g).filter((file) => !places.some((place) => existsSync(join(place, file))));
  expect(missing).toEqual([]);
});

test("every phase in router/DESIGN.md has its limit", () => {
  const rows = named(/^\| ([a-z ,]+) \| `--/gm);
  const served = ["encode", "arrival", "connect", "prefill", "first token", "stream", "all"];
  expect(rows).toEqual(["body", "queue", "worker queue, handoff window", ...served]);
});
