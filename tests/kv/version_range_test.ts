import { expect, test } from "bun:test";
import { inRange, releaseOf } from "../../kv/version_range.ts";

test.each([
  ["0.32.0", "0.32.0"],
  ["0.32.0+cpu", "0.32.0"],
  ["0.29.1rc1.dev3+gabc", "0.29.1"],
  ["0.22.0.post1", "0.22.0"],
  ["v0.9", "0.9.0"],
  ["1!2.3.4", "2.3.4"],
  ["0.32.0.1", "0.32.0"],
  [" 0.14.0 ", "0.14.0"],
])("releaseOf(%j) is %j", (version, release) => {
  expect(releaseOf(version)).toBe(release);
});

test.each(["dev", "", "unknown", "main-0.3"])("releaseOf(%j) is null", (version) => {
  expect(releaseOf(version)).toBeNull();
});

test.each([
  ["0.22.9", "<0.23.0", true],
  ["0.23.0", "<0.23.0", false],
  ["0.23.0rc1", "<0.23.0", false],
  ["0.22.1rc1.dev300+gabc", "<0.23.0", true],
  ["0.9.0", ">=0.14.0", false],
  ["0.100.0", ">=0.14.0", true],
  ["0.32.0+cpu", ">=0.9.0 <0.23.0", false],
])("inRange(%j, %j) is %p", (version, range, within) => {
  expect(inRange(version, range)).toBe(within);
});

test("inRange() takes a version nobody can read for the newest", () => {
  expect(inRange("dev", ">=0.14.0")).toBe(true);
  expect(inRange("dev", "<0.23.0")).toBe(false);
});
