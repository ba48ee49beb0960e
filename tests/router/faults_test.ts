// The fault matrix, whole: `npm run faults` prints it as a table.

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { faultTable } from "../../scripts/faults.ts";
import { walkFaults } from "./faults/walk_faults.ts";

const outcomes = await walkFaults();

for (const { fault, kind: { connector, stream, spare }, expected, seen, leftBehind } of outcomes) {
  describe(`${connector.name}, ${stream ? "stream" : "no stream"}, ${spare ? "another pair" : "one pair"}`, () => {
    test(`${fault}: ${expected}, and nothing is left behind`, () => {
      expect(seen).toBe(expected);
      expect(leftBehind).toEqual([]);
    });
  });
}

test("README.md shows this matrix (else: npm run faults, and paste)", () => {
  const readme = readFileSync(join(import.meta.dir, "../../README.md"), "utf8");
  expect(/<!-- faults -->\n\n([\s\S]*?)\n\n<!-- end faults -->/.exec(readme)?.[1]).toBe(faultTable(outcomes));
});
