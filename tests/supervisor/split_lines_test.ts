import { describe, expect, test } from "bun:test";
import { makeLineSplitter, maxLineChars } from "../../supervisor/split_lines.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function split(...chunks: (string | Uint8Array)[]): string[] {
  const splitter = makeLineSplitter();
  const lines = chunks.flatMap((chunk) => splitter.push(typeof chunk === "string" ? bytes(chunk) : chunk));
  return [...lines, ...splitter.end()];
}

describe("makeLineSplitter()", () => {
  test("ends lines at \\n and \\r\\n, wherever the chunks are cut", () => {
    const text = "one\ntwo\r\nthree\n\nfour";
    const expected = ["one", "two", "three", "", "four"];
    expect(split(text)).toEqual(expected);
    expect(split(...text)).toEqual(expected);
  });

  test("tells each redraw of a progress bar, and that it overwrites the one before", () => {
    const bar = "start\n\r 0%|  | 0/2\r50%|█ | 1/2\r100%|██| 2/2\nafter\n";
    const expected = ["start", " 0%|  | 0/2", "\r50%|█ | 1/2", "\r100%|██| 2/2", "after"];
    expect(split(bar)).toEqual(expected);
    expect(split(...bar)).toEqual(expected);
  });

  test("keeps a last line without an end, even one that was about to be redrawn", () => {
    expect(split("99%\r")).toEqual(["99%"]);
    expect(split("")).toEqual([]);
  });

  test("joins characters that two chunks share, and survives bytes that are no text", () => {
    const [first, second] = [bytes("grü").slice(0, 3), bytes("grü").slice(3)];
    expect(split(first, second, "n\n")).toEqual(["grün"]);
    expect(split(new Uint8Array([0xff, 0x00, 0xfe, 0x0a]), "ok\n")).toEqual(["\ufffd\u0000\ufffd", "ok"]);
  });

  test("holds no more than one long line's beginning, and goes on after its end", () => {
    const splitter = makeLineSplitter();
    const mebibyte = bytes("x".repeat(2 ** 20));
    const lines = Array.from({ length: 10 }, () => splitter.push(mebibyte)).flat();
    expect(lines).toHaveLength(1);
    expect(lines[0]?.length).toBeGreaterThan(maxLineChars);
    expect(splitter.push(bytes("tail\nnext\n"))).toEqual(["next"]);
  });
});
