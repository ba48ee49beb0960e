import { describe, expect, test } from "bun:test";
import { writeRequest } from "../../../router/upstream/write_request.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const request = { method: "POST", path: "/v1/completions", headers: [], body: [], retryStaleSocket: false };

describe("writeRequest()", () => {
  test("puts a small body behind the head in one piece", () => {
    const headers = [["Content-Type", "application/json"], ["x-text", "\xe9"]] as const;
    const pieces = writeRequest({ ...request, headers, body: [utf8("{"), utf8("}")] }, "w:1");
    expect(pieces.map((piece) => Buffer.from(piece).toString("latin1"))).toEqual([
      "POST /v1/completions HTTP/1.1\r\nhost: w:1\r\nContent-Type: application/json\r\nx-text: \xe9\r\ncontent-length: 2\r\n\r\n{}",
    ]);
  });

  test("sends a large body from where it is", () => {
    const body = [new Uint8Array(40_000), utf8("}")];
    const [head, ...rest] = writeRequest({ ...request, body }, "w:1");
    expect(Buffer.from(head!).toString()).toEndWith("\r\ncontent-length: 40001\r\n\r\n");
    expect(rest.map((piece, i) => piece === body[i])).toEqual([true, true]);
  });

  test("gives GET no content-length, and an empty POST a zero", () => {
    const text = (method: string): string => Buffer.from(writeRequest({ ...request, method }, "w")[0]!).toString();
    expect(text("GET")).toBe("GET /v1/completions HTTP/1.1\r\nhost: w\r\n\r\n");
    expect(text("POST")).toContain("content-length: 0\r\n");
  });
});
