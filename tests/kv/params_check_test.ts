import { expect, test } from "bun:test";
import { whyIncomplete } from "../../kv/params_check.ts";

const required = { flag: "true", id: "text", port: "count", ids: "blocks" } as const;
const complete = { flag: true, id: "P0", port: 5600, ids: [[1, 2]] };

test("whyIncomplete() is null for complete params, with block ids by group or flat", () => {
  expect(whyIncomplete(complete, required)).toBeNull();
  expect(whyIncomplete({ ...complete, ids: [7] }, required)).toBeNull();
  expect(whyIncomplete({ ...complete, ids: [[], [7]] }, required)).toBeNull();
});

test("whyIncomplete() names every member that is missing", () => {
  expect(whyIncomplete({ flag: true }, required)).toBe("prefill's kv_transfer_params lack id, port, ids");
});

test.each([
  ["flag", [false, null, 1, "true"]],
  ["id", ["", null, 5]],
  ["port", [0, -1, "5600", null, 1.5]],
  ["ids", [[], [[]], [[], []], null, "1", {}]],
])("whyIncomplete() does not count an empty or wrong %s", (name, values) => {
  for (const value of values) expect(whyIncomplete({ ...complete, [name]: value }, required)).toContain(name);
});
