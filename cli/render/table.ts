// Rows of cells as aligned lines that fit the terminal.

import type { Paint } from "./color.ts";
import { cutText, padText, textWidth } from "./text_width.ts";

export interface TableShape {
  readonly columns: number;
  readonly paint: Paint;
  /** Index of the column that gives way when the table is too wide; the last one when not said. */
  readonly elastic?: number;
  readonly rightAligned?: readonly number[];
}

const gap = 2;
const leastElastic = 8;

/** The header is dimmed capitals. Lines have no trailing space and are never wider than `columns`. */
export function tableLines(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  shape: TableShape,
): string[] {
  const widths = columnWidths([header, ...rows], shape);
  const line = (cells: readonly string[]) =>
    cutText(
      cells.map((cell, index) => {
        const width = widths[index] ?? 0;
        return padText(cutText(cell, width), width, shape.rightAligned?.includes(index) ? "right" : "left");
      }).join(" ".repeat(gap)).trimEnd(),
      shape.columns,
    );
  return [shape.paint.dim(line(header)), ...rows.map(line)];
}

function columnWidths(rows: readonly (readonly string[])[], shape: TableShape): number[] {
  const count = Math.max(...rows.map((row) => row.length));
  const widths = Array.from(
    { length: count },
    (_, index) => Math.max(...rows.map((row) => textWidth(row[index] ?? ""))),
  );
  const elastic = shape.elastic ?? count - 1;
  const over = widths.reduce((sum, width) => sum + width, 0) + gap * (count - 1) - shape.columns;
  const elasticWidth = widths[elastic] ?? 0;
  if (over > 0) widths[elastic] = Math.max(Math.min(leastElastic, elasticWidth), elasticWidth - over);
  return widths;
}
