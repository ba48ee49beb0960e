// How many terminal columns a text takes, and how to cut or pad it to a number of columns.

import { stripVTControlCharacters } from "node:util";

// East Asian Wide and Fullwidth blocks (Unicode UAX 11), and what terminals draw as emoji.
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
const zeroWidth = /^[\p{Mn}\p{Me}\p{Cf}\p{Cc}]+$/u;
let segmenter: Intl.Segmenter | null = null;
// deno-lint-ignore no-control-regex
const escapeOrRest = /(\x1b\[[0-9;]*m)/;

export function textWidth(text: string): number {
  // Nearly all text is this; the way below costs --help a third of its time.
  if (/^[ -~]*$/.test(text)) return text.length;
  let columns = 0;
  for (const { segment } of graphemesOf(stripVTControlCharacters(text))) columns += graphemeWidth(segment);
  return columns;
}

/** At most `columns` wide, with `…` where something was cut; colour codes are kept, so that they are also switched off. */
export function cutText(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  if (columns <= 0) return "";
  let left = columns - 1;
  let cut = false;
  let out = "";
  for (const piece of text.split(escapeOrRest)) {
    if (piece.startsWith("\x1b[")) out += piece;
    else if (!cut) {
      for (const { segment } of graphemesOf(piece)) {
        left -= graphemeWidth(segment);
        if (left < 0) {
          cut = true;
          out += "…";
          break;
        }
        out += segment;
      }
    }
  }
  return out;
}

export function padText(text: string, columns: number, align: "left" | "right" = "left"): string {
  const space = " ".repeat(Math.max(0, columns - textWidth(text)));
  return align === "left" ? text + space : space + text;
}

/** Breaks at spaces; a word longer than a line stands alone, whole, so that it can still be copied. */
export function wrapText(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line === "") line = word;
    else if (textWidth(line) + 1 + textWidth(word) <= columns) line += " " + word;
    else {
      lines.push(line);
      line = word;
    }
  }
  lines.push(line);
  return lines;
}

/** The segmenter takes milliseconds to make, so it is made when the first text needs it. */
function graphemesOf(text: string): Iterable<Intl.SegmentData> {
  segmenter ??= new Intl.Segmenter(undefined, { granularity: "grapheme" });
  return segmenter.segment(text);
}

function graphemeWidth(grapheme: string): number {
  if (grapheme >= " " && grapheme <= "~") return 1;
  if (zeroWidth.test(grapheme)) return 0;
  return wide.test(grapheme) || grapheme.includes("\ufe0f") ? 2 : 1;
}
