import { expect, test } from "bun:test";
import { knownName } from "../../../router/body/member_name.ts";

const at = (text: string, start = 0, end = text.length) => knownName(Buffer.from(text), start, end);

test("knownName() tells names that everybody writes, wherever they stand", () => {
  expect(at("model")).toBe("model");
  expect(at('{"max_tokens":1}', 2, 12)).toBe("max_tokens");
  expect(at("kv_transfer_params")).toBe("kv_transfer_params");
});

test("knownName() knows no other name, none that is near, and none with an escape", () => {
  for (const other of ["", "m", "modem", "Model", "stop ", "mod\\u0065l", "max_tokent", "étop", "x".repeat(1_000)]) {
    expect(at(other)).toBeNull();
  }
});
