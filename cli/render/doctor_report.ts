// The doctor's findings on a screen: √ all right, ‼ worth a look, × in the way, ? not to be seen from here.

import type { Finding } from "../doctor/finding.ts";
import type { Paint } from "./color.ts";
import { countText } from "./quantities.ts";
import { wrapText } from "./text_width.ts";

const INDENT = 6;

export function doctorLines(findings: readonly Finding[], columns: number, paint: Paint): string[] {
  const categories = [...new Set(findings.map(({ category }) => category))];
  const lines = categories.flatMap((category) => [
    paint.bold(category),
    ...findings.filter((one) => one.category === category).flatMap((finding) => findingLines(finding, columns, paint)),
    "",
  ]);
  return [...lines, summary(findings)];
}

function findingLines({ status, what, fix }: Finding, columns: number, paint: Paint): string[] {
  const [first = "", ...more] = wrapText(what, columns - INDENT);
  const rest = more.map((line) => " ".repeat(INDENT) + line);
  return [
    `  ${markOf(status, paint)} ${first}`,
    ...rest.map((line) => line.slice(2)),
    ...(fix === null ? [] : [`    ${paint.dim("fix:")} ${fix}`]),
  ];
}

function markOf(status: Finding["status"], paint: Paint): string {
  switch (status) {
    case "ok":
      return paint.green("√");
    case "warning":
      return paint.yellow("‼");
    case "error":
      return paint.red("×");
    case "unknown":
      return paint.dim("?");
  }
}

function summary(findings: readonly Finding[]): string {
  const count = (status: Finding["status"]) => findings.filter((one) => one.status === status).length;
  const [errors, warnings] = [count("error"), count("warning")];
  if (errors === 0 && warnings === 0) return "Nothing is in the way";
  return `${countText(errors, "error")}, ${countText(warnings, "warning")}`;
}
