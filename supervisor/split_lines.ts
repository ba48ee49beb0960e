// Bytes of a child's output → lines. Progress bars redraw a line after a bare carriage return; each redraw is told.

export interface LineSplitter {
  /**
   * The lines that these bytes complete, without their ends. One that overwrites the line before it, as a progress bar
   * does, begins with \r. Bytes that are not UTF-8 become U+FFFD.
   */
  push(bytes: Uint8Array): string[];
  /** What is left at the end of the stream, without a line end. */
  end(): string[];
}

/** A longer line is cut, and its rest dropped: a megabyte without a line end must not be held or searched. */
export const maxLineChars = 65_536;

/** Kept beyond the cut, so that a secret that lies across it is whole when it is masked. */
const slack = 4_096;

/** Whether a carriage return ends a line or redraws it shows in the character after it, which may not have come yet. */
const lineEnd = /\r?\n|\r(?=[^])/g;

/** `clean` sees each piece of text once, with no line cut in two, before it is split. */
export function makeLineSplitter(clean: (text: string) => string = (text) => text): LineSplitter {
  const decoder = new TextDecoder();
  let rest = "";
  let dropping = false;
  let redrawing = false;

  function take(text: string): string[] {
    const lines: string[] = [];
    // Up to the last end but a trailing \r, which may be half of \r\n.
    const whole = Math.max(text.lastIndexOf("\n"), text.slice(0, -1).lastIndexOf("\r")) + 1;
    if (whole > 0) splitWhole(clean(text.slice(0, whole)), lines);
    rest = text.slice(whole);
    if (rest.length > maxLineChars + slack) overflow(lines);
    return lines;
  }

  /** Nearly all output has no carriage return, and is split at a fraction of the cost. */
  function splitWhole(text: string, lines: string[]): void {
    if (!text.includes("\r")) {
      const texts = text.split("\n");
      texts.pop();
      for (const line of texts) add(lines, line, true);
      return;
    }
    let from = 0;
    // The dot stands for what follows, so that a \r at the very end counts as a redraw.
    for (const end of `${text}.`.matchAll(lineEnd)) {
      add(lines, text.slice(from, end.index), end[0] !== "\r");
      from = end.index + end[0].length;
    }
  }

  /** An empty redraw is only the carriage return that opens a bar. */
  function add(lines: string[], text: string, isLineEnd: boolean): void {
    if (!dropping && (isLineEnd || text !== "")) lines.push(redrawing ? `\r${text}` : text);
    redrawing = !isLineEnd && (redrawing || text !== "");
    dropping = false;
  }

  function overflow(lines: string[]): void {
    if (!dropping) add(lines, clean(rest), true);
    dropping = true;
    rest = "";
  }

  return {
    push: (bytes) => take(rest + decoder.decode(bytes, { stream: true })),
    end() {
      const lines = take(rest + decoder.decode());
      const last = clean(rest.replace(/\r$/, ""));
      if (last !== "") add(lines, last, true);
      rest = "";
      return lines;
    },
  };
}
