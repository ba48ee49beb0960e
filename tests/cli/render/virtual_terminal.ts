// A terminal of fixed size for tests: understands what the renderers send, and shows what a person would see.

import { textWidth } from "../../../cli/render/text_width.ts";

export interface VirtualTerminal {
  write(text: string): void;
  columns: number;
  rows: number;
  readonly color: boolean;
  /** All lines ever shown, scrolled ones included; colour codes stand where they were sent. */
  lines(): string[];
  readonly cursorHidden: boolean;
}

// deno-lint-ignore no-control-regex
const token = /\x1b\[(\??[\d;]*)([A-Za-z])|\r|\n|[^\x1b\r\n]+/g;

export function virtualTerminal(columns: number, rows: number, color = false): VirtualTerminal {
  const shown: string[] = [""];
  let row = 0;
  let fresh = false;
  const terminal = {
    columns,
    rows,
    color,
    cursorHidden: false,
    lines: () => shown.map((line) => line.trimEnd()),
    write(text: string) {
      for (const [whole, argument = "", command] of text.matchAll(token)) {
        if (command === "m") shown[row] += whole;
        else if (command === "A") row = rowAbove(Number(argument || "1"));
        else if (command === "J") shown.splice(row, Infinity, "");
        else if (command === "l" || command === "h") terminal.cursorHidden = command === "l";
        else if (command !== undefined) throw new Error(`the terminal does not know ${JSON.stringify(whole)}`);
        else if (whole === "\n") {
          row++;
          shown[row] ??= "";
        } else if (whole === "\r") fresh = true;
        else {
          if (fresh) shown[row] = "";
          fresh = false;
          shown[row] += whole;
        }
      }
    },
  };
  /** Lines wider than the terminal take several of its rows, as when it was made narrower meanwhile. */
  function rowAbove(count: number): number {
    let above = row;
    for (let left = count; left > 0 && above > 0; above--) {
      left -= Math.max(1, Math.ceil(textWidth(shown[above - 1] ?? "") / terminal.columns));
    }
    return above;
  }
  return terminal;
}
