import { describe, expect, test } from "bun:test";
import { lastMember, scanBody } from "../../../router/body/scan_body.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

function membersOf(text: string): [name: string, raw: string][] {
  const body = scanBody(utf8(text));
  if (body.is === "refused") throw new Error(body.message);
  return body.members.map((m) => [m.name, new TextDecoder().decode(body.bytes.subarray(m.valueStart, m.valueEnd))]);
}

describe("scanBody()", () => {
  test("finds every top-level member with its value untouched", () => {
    expect(membersOf(`{"a":1,"b":"x","c":[1,2],"d":{"a":2},"e":null,"f":true,"g":-1.5e+3}`)).toEqual([
      ["a", "1"],
      ["b", `"x"`],
      ["c", "[1,2]"],
      ["d", `{"a":2}`],
      ["e", "null"],
      ["f", "true"],
      ["g", "-1.5e+3"],
    ]);
    expect(membersOf("{}")).toEqual([]);
  });

  test("takes all four kinds of JSON white space between tokens, and no other", () => {
    expect(membersOf(' \t\r\n{ \t\r\n"a" \t\r\n: \t\r\n1 \t\r\n, "b":2 \t\r\n} \t\r\n')).toEqual([["a", "1"], [
      "b",
      "2",
    ]]);
    for (const other of ["\v", "\f", "\0", "\u00a0"]) expect(scanBody(utf8(`{${other}"a":1}`)).is).toBe("refused");
  });

  test("decodes escapes in names", () => {
    expect(membersOf(`{"mod\\u0065l":1,"a\\"\\\\":2,"\\u00e9é":3}`)).toEqual([["model", "1"], [`a"\\`, "2"], [
      "éé",
      "3",
    ]]);
  });

  test("lists a repeated name each time, and lastMember() gives the last", () => {
    const body = scanBody(utf8(`{"a":1,"b":2,"\\u0061":3}`));
    if (body.is === "refused") throw new Error(body.message);
    expect(body.members.map((member) => member.name)).toEqual(["a", "b", "a"]);
    expect(lastMember(body, "a")).toBe(body.members[2]!);
    expect(lastMember(body, "c")).toBeNull();
  });

  test("is not misled by quotes, brackets and backslashes inside strings", () => {
    const tricky = [`"\\""`, `"\\\\"`, `"\\\\\\""`, `"}],{["`, `["]","\\"]"]`, `{"}":"{","x":["\\\\"]}`];
    for (const raw of tricky) expect(membersOf(`{"a":${raw},"b":1}`)).toEqual([["a", raw], ["b", "1"]]);
  });

  test("does not take a nested member for a top-level one", () => {
    expect(membersOf(`{"a":{"model":"x"},"b":[{"model":"y"}],"c":"\\"model\\":1"}`).map(([name]) => name)).toEqual([
      "a",
      "b",
      "c",
    ]);
  });

  test("skips a byte order mark, which vLLM accepts", () => {
    const body = scanBody(new Uint8Array([0xef, 0xbb, 0xbf, ...utf8(`{"a":1}`)]));
    expect(body).toMatchObject({ is: "object", open: 3 });
  });

  test("passes invalid UTF-8 inside names and values on", () => {
    const bytes = new Uint8Array([...utf8(`{"`), 0xff, ...utf8(`":"`), 0xc3, 0x28, ...utf8(`","b":1}`)]);
    const body = scanBody(bytes);
    expect(body.is === "object" && body.members.map((member) => member.name)).toEqual(["\ufffd", "b"]);
  });

  test("reads a view into a larger buffer, whether Buffer or Uint8Array", () => {
    const whole = Buffer.from(`xx{"a":1}yy`);
    for (const view of [whole.subarray(2, 9), new Uint8Array(whole.buffer, whole.byteOffset + 2, 7)]) {
      expect(scanBody(view)).toMatchObject({ is: "object", open: 0, close: 6, members: [{ name: "a", keyStart: 1 }] });
    }
  });

  test("skips a million nested brackets without recursion", () => {
    const deep = "[".repeat(1_000_000) + "]".repeat(1_000_000);
    expect(membersOf(`{"a":${deep},"b":1}`).map(([name]) => name)).toEqual(["a", "b"]);
  });

  test("refuses every proper prefix of a body", () => {
    const text = ` {"a":[1,{"b":"\\""}],"mod\\u0065l":"x","c":-1.5e+3,"d":true} `;
    const bytes = utf8(text);
    for (let end = 0; end < bytes.length - 1; end++) expect(scanBody(bytes.subarray(0, end)).is).toBe("refused");
    expect(scanBody(bytes.subarray(0, bytes.length - 1)).is).toBe("object");
  });

  test.each([
    ["", "empty", "The body is empty; a JSON object is needed"],
    [" \n", "empty", "The body is empty; a JSON object is needed"],
    ["[1,2]", "not-an-object", "The body must be a JSON object"],
    ["null ", "not-an-object", "The body must be a JSON object"],
    [`"{}"`, "not-an-object", "The body must be a JSON object"],
    ["[1,2", "invalid", "The body is not valid JSON: expected a JSON object at byte 0"],
    ["hello", "invalid", "The body is not valid JSON: expected a JSON object at byte 0"],
    [`{"a":1}x`, "invalid", "The body is not valid JSON: expected the end at byte 7"],
    [`{"a":1}{"a":2}`, "invalid", "The body is not valid JSON: expected the end at byte 7"],
    [`{"a":1,}`, "invalid", "The body is not valid JSON: expected a member's name in double quotes at byte 7"],
    [`{,"a":1}`, "invalid", "The body is not valid JSON: expected a member's name in double quotes at byte 1"],
    [`{"a":1 "b":2}`, "invalid", "The body is not valid JSON: expected a comma or the closing brace at byte 7"],
    [`{"a" 1}`, "invalid", "The body is not valid JSON: expected a colon at byte 5"],
    [`{'a':1}`, "invalid", "The body is not valid JSON: expected a member's name in double quotes at byte 1"],
    [`{"a\\x":1}`, "invalid", "The body is not valid JSON: expected a member's name with valid escapes at byte 1"],
    [`{"a":`, "invalid", "The body is not valid JSON: expected a complete JSON value where the body ends"],
    [
      `{"model":"tiny","prompt":`,
      "invalid",
      "The body is not valid JSON: expected a complete JSON value where the body ends",
    ],
  ])("refuses %p as %s", (text, kind, message) => {
    expect(scanBody(utf8(text))).toMatchObject({ is: "refused", kind, message });
  });

  test.each(["01", "1.", ".5", "+1", "tru", "True", "nul", "NaN", "Infinity", "-", "1e", "0x10", "", "}"])(
    "refuses %p as a top-level value",
    (raw) => expect(scanBody(utf8(`{"a":${raw}}`)).is).toBe("refused"),
  );

  test("refuses a body made of more members than any request has", () => {
    const body = `{${Array.from({ length: 1_001 }, () => `"":0`).join(",")}}`;
    expect(scanBody(utf8(body))).toMatchObject({ is: "refused", kind: "too-many-members" });
  });
});
