import { expect, test } from "bun:test";
import { paintFor, wantsColor } from "../../../cli/render/color.ts";
import { elapsedText } from "../../../cli/render/quantities.ts";
import { tableLines } from "../../../cli/render/table.ts";
import { cutText, padText, textWidth, wrapText } from "../../../cli/render/text_width.ts";

const paint = paintFor(false);

test("tableLines() aligns columns, wide characters included", () => {
  const lines = tableLines(["NAME", "X"], [["模型", "1"], ["ab", "2"]], { columns: 80, paint });
  expect(lines).toEqual(["NAME  X", "模型  1", "ab    2"]);
});

test("tableLines() shortens the elastic column, and never goes beyond the terminal", () => {
  const rows = [["a", "a very long cell that does not fit", "end"]];
  const lines = tableLines(["A", "B", "C"], rows, { columns: 30, paint, elastic: 1 });
  expect(lines[1]).toBe("a  a very long cell that…  end");
  expect(tableLines(["A", "B", "C"], rows, { columns: 6, paint }).map(textWidth).every((width) => width <= 6)).toBe(
    true,
  );
});

test("tableLines() sets numbers to the right where asked", () => {
  expect(tableLines(["N", "X"], [["1", "a"], ["100", "b"]], { columns: 80, paint, rightAligned: [0] }))
    .toEqual(["  N  X", "  1  a", "100  b"]);
});

test("textWidth() counts columns: wide 2, marks and escapes 0", () => {
  expect(["abc", "日本", "é", "e\u0301", "👍", "\x1b[31mred\x1b[39m", ""].map(textWidth)).toEqual([
    3,
    4,
    1,
    1,
    2,
    3,
    0,
  ]);
});

test("cutText() keeps colour codes balanced and never splits a character", () => {
  expect(cutText("\x1b[31mabcdef\x1b[39m", 4)).toBe("\x1b[31mabc…\x1b[39m");
  expect(cutText("日本語", 4)).toBe("日…");
  expect(cutText("fits", 4)).toBe("fits");
  expect(cutText("x", 0)).toBe("");
});

test("padText() fills to the left or the right", () => {
  expect([padText("a", 3), padText("a", 3, "right"), padText("abcd", 3)]).toEqual(["a  ", "  a", "abcd"]);
});

test("wrapText() breaks at spaces and keeps long words whole", () => {
  expect(wrapText("one two https://example.org/long three", 9)).toEqual([
    "one two",
    "https://example.org/long",
    "three",
  ]);
});

test("elapsedText() says times as people do", () => {
  expect([0, 400, 1_000, 59_400, 61_000, 3_599_600, 7_860_000].map(elapsedText))
    .toEqual(["0.0s", "0.4s", "1s", "59s", "1m 01s", "1h 00m", "2h 11m"]);
});

test("wantsColor() heeds NO_COLOR, then FORCE_COLOR, then TERM, then the stream", () => {
  expect(wantsColor({}, true)).toBe(true);
  expect(wantsColor({}, false)).toBe(false);
  expect(wantsColor({ NO_COLOR: "1", FORCE_COLOR: "1" }, true)).toBe(false);
  expect(wantsColor({ NO_COLOR: "" }, true)).toBe(true);
  expect(wantsColor({ FORCE_COLOR: "1" }, false)).toBe(true);
  expect(wantsColor({ FORCE_COLOR: "0" }, true)).toBe(false);
  expect(wantsColor({ TERM: "dumb" }, true)).toBe(false);
});
