import { describe, expect, test } from "bun:test";
import { findMember } from "../../../router/body/find_member.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("findMember()", () => {
  test("gives the member's text as it arrived", () => {
    const rawJson = `{"remote_block_ids": [9007199254740993], "host":"é"}`;
    const answer = utf8(`{"id":"cmpl-1","choices":[{"kv_transfer_params":1}],"kv_transfer_params":${rawJson}}`);
    expect(findMember(answer, "kv_transfer_params")).toEqual({ is: "found", raw: { rawJson } });
  });

  test("takes null for absent", () => {
    expect(findMember(utf8(`{"kv_transfer_params":null}`), "kv_transfer_params")).toEqual({ is: "absent" });
    expect(findMember(utf8(`{"id":"x"}`), "kv_transfer_params")).toEqual({ is: "absent" });
  });

  test("tells an answer that is no JSON object from one that lacks the member", () => {
    expect(findMember(utf8(`{"id":`), "kv_transfer_params")).toMatchObject({ is: "refused", kind: "invalid" });
    expect(findMember(utf8(""), "kv_transfer_params")).toMatchObject({ is: "refused", kind: "empty" });
  });
});
