// The table of promises is whole, true, and printed.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { coveringTests, obligationsPage, obligationsPath } from "../../scripts/print_obligations.ts";
import { obligations } from "./obligations.ts";

test("all 127 ids are in the table, each once, each with a reason where no test covers it", () => {
  const ids = [["V", 37], ["P", 37], ["K", 25], ["J", 28]] as const;
  const wanted = ids.flatMap(([letter, count]) => Array.from({ length: count }, (_, at) => `${letter}${at + 1}`));
  expect(obligations.map(({ id }) => id)).toEqual(wanted);
  expect(obligations.filter(({ status, reason }) => status !== "test" && reason === "")).toEqual([]);
});

test("an id is marked tested where a test's title has it, and nowhere else", () => {
  const titled = new Set(coveringTests().flatMap(({ ids }) => ids));
  expect(obligations.filter(({ status, id }) => status === "test" && !titled.has(id))).toEqual([]);
});

test("docs/obligations.md is what npm run obligations prints", () => {
  expect(readFileSync(obligationsPath, "utf8")).toBe(obligationsPage(coveringTests()));
});
