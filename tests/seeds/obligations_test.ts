// The table of promises is whole, true, and printed.

import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { coveringTests, obligationsPage, obligationsPath } from "../../scripts/print_obligations.ts";
import { obligations } from "./obligations.ts";

test("all 127 ids are in the table, each once, each with a reason where no test covers it", () => {
  const ids = [["V", 37], ["P", 37], ["K", 25], ["J", 28]] as const;
  const wanted = ids.flatMap(([letter, count]) => Array.from({ length: count }, (_, at) => `${letter}${at + 1}`));
  expect(obligations.map(({ id }) => id)).toEqual(wanted);
  expect(obligations.filter(({ status, reason }) => status !== "test" && reason === "")).toEqual([]);
});

test("what is marked tested has a test whose title begins with its id, or names one", () => {
  const titled = new Set(coveringTests().flatMap(({ ids }) => ids));
  const bare = obligations.filter(({ status, id, shownBy }) =>
    status === "test" && !titled.has(id) && shownBy.length === 0
  );
  expect(bare.map(({ id }) => id)).toEqual([]);
});

test("every test the table names is there, under that title", () => {
  const gone = obligations.flatMap(({ shownBy }) => shownBy).filter((named) => {
    const [file = "", title = ""] = named.split(/: (.*)/s);
    const path = `tests/${file}`;
    return !existsSync(path) || !readFileSync(path, "utf8").includes(title);
  });
  expect(gone).toEqual([]);
});

test("docs/obligations.md is what npm run obligations prints", () => {
  expect(readFileSync(obligationsPath, "utf8")).toBe(obligationsPage(coveringTests()));
});
