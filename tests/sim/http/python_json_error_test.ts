import { expect, test } from "bun:test";
import { pythonJsonError } from "../../../sim/http/python_json_error.ts";

/** Text, offset and reason as CPython's json.loads gives them. */
const complaints = [
  ['{"model":"tiny","prompt":', 25, "Expecting value"],
  ["", 0, "Expecting value"],
  ["{'a': 1}", 1, "Expecting property name enclosed in double quotes"],
  ['{"a" 1}', 5, "Expecting ':' delimiter"],
  ['{"a": 1 "b": 2}', 8, "Expecting ',' delimiter"],
  ["[1 2]", 3, "Expecting ',' delimiter"],
  ['{"a": "b', 6, "Unterminated string starting at"],
  ['"\\x"', 1, "Invalid \\escape"],
  ['"a\nb"', 2, "Invalid control character at"],
  ['{"a": 1} x', 9, "Extra data"],
] as const;

for (const [text, at, why] of complaints) {
  test(`pythonJsonError() finds ${JSON.stringify(why)} at ${at} of ${JSON.stringify(text)}`, () => {
    expect(pythonJsonError(text)).toEqual({ at, why });
  });
}

test("pythonJsonError() has nothing against valid JSON", () => {
  expect(pythonJsonError(' {"a": [1.5e3, null, true, "\\u00e9"], "b": {}} ')).toBeNull();
});
