// The head of an answer as text. Nothing in an answer can start another header or another answer.

import { STATUS_CODES } from "node:http";
import type { Fields } from "./client_request.ts";

/** How the client learns where the body ends. */
export type AnswerFraming = number | "chunked" | "until-close" | "none";

const statusLines = new Map<number, string>();
const notInValues = /[^\t\x20-\x7e\x80-\xff]/;
/** The listener's own business. */
const ownNames = new Set(["content-length", "transfer-encoding", "connection", "date", "keep-alive"]);

export function headText(
  status: number,
  fields: Fields,
  framing: AnswerFraming,
  connection: "keep-alive" | "close" | null,
): string {
  let text = statusLines.get(status) ?? statusLine(status);
  for (const [name, value] of fields) {
    if (!ownNames.has(name)) text += `${name}: ${notInValues.test(value) ? safe(value) : value}\r\n`;
  }
  if (connection !== null) text += `connection: ${connection}\r\n`;
  if (typeof framing === "number") return `${text}${dateLine()}content-length: ${framing}\r\n\r\n`;
  if (framing === "chunked") return `${text}${dateLine()}transfer-encoding: chunked\r\n\r\n`;
  return `${text}${dateLine()}\r\n`;
}

function statusLine(status: number): string {
  const line = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;
  statusLines.set(status, line);
  return line;
}

function safe(value: string): string {
  return value.replace(new RegExp(notInValues, "g"), " ");
}

let dateSecond = 0;
let date = "";

/** RFC 9110 §6.6.1. */
function dateLine(): string {
  const second = Math.trunc(Date.now() / 1_000);
  if (second !== dateSecond) {
    dateSecond = second;
    date = `date: ${new Date(second * 1_000).toUTCString()}\r\n`;
  }
  return date;
}
