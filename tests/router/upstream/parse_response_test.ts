import { describe, expect, test } from "bun:test";
import { ResponseParser } from "../../../router/upstream/parse_response.ts";
import { acceptedCases, refusedCases, type ResponseCase } from "../../conformance/response_cases.ts";

const maxHeadBytes = 65_536;

interface Seen {
  readonly status: number | null;
  readonly body: string;
  readonly outcome: string;
}

/** Feeds the reads one by one, then the end of the connection, as a connection would. */
function parse(method: string, reads: readonly string[]): Seen {
  const parser = new ResponseParser(maxHeadBytes);
  parser.begin(method);
  let status: number | null = null;
  let body = "";
  let left = reads.length;
  for (const read of [...reads, null]) {
    const parsed = read === null ? parser.close() : parser.read(Buffer.from(read, "latin1"));
    left--;
    if (parsed.head !== null) status = parsed.head.status;
    if (parsed.payload !== null) body += Buffer.from(parsed.payload).toString("latin1");
    if (parsed.failure !== null) return { status, body, outcome: parsed.failure.is };
    if (parsed.end !== null) return { status, body, outcome: left > 0 ? "close" : parsed.end };
  }
  throw new Error("neither an end nor a failure");
}

function expectedOf({ expected }: ResponseCase): Partial<Seen> {
  return "fails" in expected
    ? { outcome: expected.fails }
    : { status: expected.status, body: expected.body, outcome: expected.end };
}

describe("ResponseParser", () => {
  test.each([...acceptedCases])("accepts $title, whole, split at every byte, and byte by byte", (given) => {
    const { method = "GET", bytes } = given;
    expect(parse(method, [bytes])).toEqual(expectedOf(given) as Seen);
    for (let at = 1; at < bytes.length; at++) {
      expect({ at, ...parse(method, [bytes.slice(0, at), bytes.slice(at)]) }).toEqual(
        { at, ...expectedOf(given) } as Seen & { at: number },
      );
    }
    expect(parse(method, bytes.split(""))).toEqual(expectedOf(given) as Seen);
  });

  test.each([...refusedCases])("refuses $title, whole and split", (given) => {
    const { method = "GET", bytes } = given;
    expect(parse(method, [bytes])).toMatchObject(expectedOf(given));
    const step = Math.ceil(bytes.length / 200);
    for (let at = 1; at < bytes.length; at += step) {
      expect({ at, ...parse(method, [bytes.slice(0, at), bytes.slice(at)]) }).toMatchObject(expectedOf(given));
    }
  });

  test("gives the payload of many chunks in one read as one piece", () => {
    const parser = new ResponseParser(maxHeadBytes);
    parser.begin("POST");
    parser.read(Buffer.from("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"));
    const read = parser.read(Buffer.from("3\r\nabc\r\n2;x=y\r\nde\r\n1\r\nf\r\n4\r\ngh"));
    expect(Buffer.from(read.payload!).toString()).toBe("abcdefgh");
  });

  test("gives what came before a bad chunk, and then the failure", () => {
    const parser = new ResponseParser(maxHeadBytes);
    parser.begin("POST");
    const read = parser.read(Buffer.from("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\nzz\r\n"));
    expect(read.head?.status).toBe(200);
    expect(Buffer.from(read.payload!).toString()).toBe("hi");
    expect(read.failure?.message).toBe("the answer is refused: a chunk size holds the byte 122");
  });

  test("reads a second response after begin()", () => {
    const parser = new ResponseParser(maxHeadBytes);
    for (const body of ["one", "two"]) {
      parser.begin("POST");
      const read = parser.read(Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n${body}`));
      expect(read.end).toBe("keep");
      expect(Buffer.from(read.payload!).toString()).toBe(body);
    }
  });

  test("gives headers by lower-case name and in wire order, repeated ones included", () => {
    const parser = new ResponseParser(maxHeadBytes);
    parser.begin("GET");
    const { head } = parser.read(
      Buffer.from("HTTP/1.1 200 OK\r\nX-B: 1\r\nx-a: \xe9\r\nX-b: 2\r\nx-e:\r\n\r\n", "latin1"),
    );
    expect(head!.entries()).toEqual([["x-b", "1"], ["x-a", "\xe9"], ["x-b", "2"], ["x-e", ""]]);
    expect(head!.header("x-b")).toBe("1");
    expect(head!.header("x-c")).toBeNull();
  });

  test("finds a head whose every byte came alone just below the limit, and refuses one byte more", () => {
    const head = (bytes: number): string => {
      const start = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-a: ";
      return `${start}${"a".repeat(bytes - start.length - 4)}\r\n\r\n`;
    };
    const fed = (text: string): unknown => {
      const parser = new ResponseParser(1_000);
      parser.begin("GET");
      for (const byte of text.slice(0, -1)) if (parser.read(Buffer.from(byte)).failure) return "refused early";
      return parser.read(Buffer.from(text.at(-1)!)).failure?.is ?? "accepted";
    };
    expect(fed(head(1_000))).toBe("accepted");
    expect(fed(head(1_001))).toBe("too-large");
  });
});
