// The fault matrix, whole: `npm run faults` prints it as a table.

import { describe, expect, test } from "bun:test";
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
