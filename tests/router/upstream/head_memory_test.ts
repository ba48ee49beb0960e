import { describe, expect, test } from "bun:test";
import { HeadMemory } from "../../../router/upstream/head_memory.ts";
import { ResponseParser } from "../../../router/upstream/parse_response.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (payload: Uint8Array | null): string => new TextDecoder().decode(payload ?? new Uint8Array());
const head = "HTTP/1.1 200 OK\r\ndate: now\r\ncontent-length: 2\r\n\r\n";

function remembering(first: string): HeadMemory {
  const memory = new HeadMemory();
  const parser = new ResponseParser(1_000, memory);
  parser.begin("POST");
  parser.read(bytes(first));
  return memory;
}

describe("HeadMemory", () => {
  test("gives the same head to the next connection, which reads its own body", () => {
    const memory = remembering(`${head}hi`);
    const known = memory.recall(bytes(`${head}yo`), 0, "POST");
    const parser = new ResponseParser(1_000, memory);
    parser.begin("POST");
    const read = parser.read(bytes(`${head}yo`));
    expect(known).not.toBeNull();
    expect(read.head).toBe(known!.head);
    expect([text(read.payload), read.end]).toEqual(["yo", "keep"]);
  });

  test("knows no head that differs in one byte, or of which a byte is missing", () => {
    const memory = remembering(`${head}hi`);
    expect(memory.recall(bytes(head.replace("now", "hen") + "hi"), 0, "POST")).toBeNull();
    expect(memory.recall(bytes(head.slice(0, -1)), 0, "POST")).toBeNull();
  });

  test("keeps the answers to HEAD apart, which have no body", () => {
    const memory = remembering(`${head}hi`);
    const parser = new ResponseParser(1_000, memory);
    parser.begin("HEAD");
    const read = parser.read(bytes(head));
    expect([read.payload, read.end]).toEqual([null, "keep"]);
  });

  test("remembers no head that is refused and none of an interim answer", () => {
    expect(remembering(head.replace("2", "x")).length).toBe(0);
    expect(remembering("HTTP/1.1 100 Continue\r\n\r\n").length).toBe(0);
  });

  test("a remembered head that closes closes the next connection too", () => {
    const closing = head.replace("date: now", "connection: close");
    const parser = new ResponseParser(1_000, remembering(`${closing}hi`));
    parser.begin("POST");
    expect(parser.read(bytes(`${closing}yo`)).end).toBe("close");
  });
});
