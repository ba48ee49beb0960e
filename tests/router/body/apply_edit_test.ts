import { describe, expect, test } from "bun:test";
import type { LegEdit } from "../../../kv/leg_edit.ts";
import { applyEdit } from "../../../router/body/apply_edit.ts";
import { scanBody } from "../../../router/body/scan_body.ts";

function edit(body: string | Uint8Array, change: Partial<LegEdit>): string {
  return Buffer.concat(pieces(body, change)).toString("utf8");
}

function pieces(body: string | Uint8Array, change: Partial<LegEdit>): readonly Uint8Array[] {
  const scanned = scanBody(typeof body === "string" ? new TextEncoder().encode(body) : body);
  if (scanned.is === "refused") throw new Error(scanned.message);
  return applyEdit(scanned, { set: {}, drop: [], headers: {}, ...change });
}

describe("applyEdit()", () => {
  test("leaves a body without anything to change as it is, white space around it aside", () => {
    expect(edit(` { "a" : 1 , "b":[ 2 ] }\n`, {})).toBe(`{ "a" : 1 , "b":[ 2 ]}`);
    expect(edit("{}", {})).toBe("{}");
  });

  test.each([
    ["first", ["a"], `{"b":2,"c":3}`],
    ["middle", ["b"], `{"a":1,"c":3}`],
    ["last", ["c"], `{"a":1,"b":2}`],
    ["first two", ["a", "b"], `{"c":3}`],
    ["last two", ["b", "c"], `{"a":1}`],
    ["outer two", ["a", "c"], `{"b":2}`],
    ["every", ["a", "b", "c"], `{}`],
    ["absent", ["x"], `{"a":1,"b":2,"c":3}`],
  ])("cuts the %s member", (_, drop, expected) => {
    expect(edit(`{"a":1,"b":2,"c":3}`, { drop })).toBe(expected);
  });

  test("puts set members at the end, in the place of the client's", () => {
    expect(edit(`{"stream":true,"model":"m"}`, { set: { stream: false, max_tokens: 1 } })).toBe(
      `{"model":"m","stream":false,"max_tokens":1}`,
    );
    expect(edit("{}", { set: { a: null } })).toBe(`{"a":null}`);
    expect(edit(`{"a":1}`, { set: { a: 2 } })).toBe(`{"a":2}`);
  });

  test("cuts every copy of a repeated or escaped name", () => {
    const body = `{"kv_transfer_params":{"x":1},"a":1,"kv\\u005ftransfer_params":2,"b":2,"kv_transfer_params":3}`;
    expect(edit(body, { drop: ["kv_transfer_params"] })).toBe(`{"a":1,"b":2}`);
    expect(edit(body, { set: { kv_transfer_params: null } })).toBe(`{"a":1,"b":2,"kv_transfer_params":null}`);
  });

  test("keeps unknown members, large integers, non-ASCII text and escapes byte for byte", () => {
    const kept = `"seed": 12345678901234567890, "é":"Gr\\u00fc\\u00dfe 😀","x":{"y":1.0,"y":2}`;
    expect(edit(`{"n":2,${kept}}`, { drop: ["n"], set: { max_tokens: 1 } })).toBe(`{${kept},"max_tokens":1}`);
  });

  test("writes raw JSON as it came", () => {
    const rawJson = `{"remote_block_ids":[9007199254740993], "x":"\\u00e9"}`;
    expect(edit(`{"a":1}`, { set: { kv_transfer_params: { rawJson } } })).toBe(
      `{"a":1,"kv_transfer_params":${rawJson}}`,
    );
  });

  test("drops a byte order mark", () => {
    expect(edit(new Uint8Array([0xef, 0xbb, 0xbf, 0x7b, 0x7d]), { set: { a: 1 } })).toBe(`{"a":1}`);
  });

  test("copies nothing of the client's body", () => {
    const body = new TextEncoder().encode(`{"a":1,"n":2,"b":"${"x".repeat(1_000)}"}`);
    const parts = pieces(body, { set: { n: 1 } });
    expect(parts.slice(0, -1).every((piece) => piece.buffer === body.buffer)).toBe(true);
    expect(parts.at(-1)!.length).toBeLessThan(20);
  });
});
