// Bytes of a child's output → lines. Progress bars redraw a line with a bare carriage return; each redraw is told as one.

export interface LogLine {
  readonly text: string;
  /** Overwrites the redraw before it, as on a terminal. */
  readonly redraws: boolean;
}

export interface LineSplitter {
  /** The lines that these bytes complete. Bytes that are not UTF-8 become U+FFFD. */
  push(bytes: Uint8Array): LogLine[];
  /** What is left at the end of the stream, without a line end. */
  end(): LogLine[];
}

/** A longer line is cut, and its rest dropped: a megabyte without a line end must not be held or searched. */
export const maxLineChars = 65_536;

/** Kept beyond the cut, so that a secret that lies across it is whole when it is masked. */
const slack = 4_096;

/** Whether a carriage return ends a line or redraws it shows in the character after it, which may not have come yet. */
const lineEnd = /\r?\n|\r(?=[^])/g;

export function makeLineSplitter(): LineSplitter {
  const decoder = new TextDecoder();
  let rest = "";
  let dropping = false;
  let redrawing = false;

  function take(text: string): LogLine[] {
    const lines: LogLine[] = [];
    let from = 0;
    for (const end of text.matchAll(lineEnd)) {
      add(lines, text.slice(from, end.index), end[0] !== "\r");
      from = end.index + end[0].length;
    }
    rest = text.slice(from);
    if (rest.length > maxLineChars + slack) overflow(lines);
    return lines;
  }

  /** An empty redraw is only the carriage return that opens a bar. */
  function add(lines: LogLine[], text: string, isLineEnd: boolean): void {
    if (!dropping && (isLineEnd || text !== "")) lines.push({ text, redraws: redrawing });
    redrawing = !isLineEnd && (redrawing || text !== "");
    dropping = false;
  }

  function overflow(lines: LogLine[]): void {
    if (!dropping) lines.push({ text: rest, redraws: redrawing });
    dropping = true;
    redrawing = false;
    rest = "";
  }

  return {
    push: (bytes) => take(rest + decoder.decode(bytes, { stream: true })),
    end() {
      const lines = take(rest + decoder.decode());
      const last = rest.replace(/\r$/, "");
      if (last !== "") add(lines, last, true);
      rest = "";
      return lines;
    },
  };
}
