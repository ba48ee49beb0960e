import { expect, test } from "bun:test";
import { failureExcerpt } from "../../supervisor/failure_excerpt.ts";

const lines = ["0", "1", "2", "3", "4", "5"];
const diagnosis = (line: number | null) => ({ rule: null, what: "", why: "", fix: "", line });

test("failureExcerpt() shows the end of the log and marks the cause in it", () => {
  expect(failureExcerpt(lines, diagnosis(4), 3)).toEqual({ lines: ["3", "4", "5"], diagnosis: diagnosis(1) });
});

test("failureExcerpt() brings a cause from further up", () => {
  expect(failureExcerpt(lines, diagnosis(1), 4)).toEqual({ lines: ["1", "…", "4", "5"], diagnosis: diagnosis(0) });
});

test("failureExcerpt() marks nothing when no line says why", () => {
  expect(failureExcerpt(lines, diagnosis(null), 2)).toEqual({ lines: ["4", "5"], diagnosis: diagnosis(null) });
  expect(failureExcerpt([], diagnosis(7), 2)).toEqual({ lines: [], diagnosis: diagnosis(null) });
});
