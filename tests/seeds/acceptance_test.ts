// The acceptance tests of the studied systems are all there.

import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { acceptance } from "./acceptance.ts";

test("each of the 26 has a test, or a reason", () => {
  expect(acceptance.map(({ id }) => id)).toEqual(Array.from({ length: 26 }, (_, at) => at + 1));
  expect(acceptance.filter(({ shownBy, reason }) => shownBy.length === 0 && reason === undefined)).toEqual([]);
});

test("every test that is named is there, under that title", () => {
  const gone = acceptance.flatMap(({ shownBy }) => shownBy).filter((named) => {
    const [file = "", title = ""] = named.split(/: (.*)/s);
    return !existsSync(`tests/${file}`) || !readFileSync(`tests/${file}`, "utf8").includes(title);
  });
  expect(gone).toEqual([]);
});
