// The head of a response: status, headers, and how its body is framed. Strict, because two readers that frame the
// same bytes differently are how requests and answers get mixed up (RFC 9112 §6.3, §11).

import type { ResponseHead } from "./client.ts";

export type Framing =
  | { readonly is: "none" }
  | { readonly is: "sized"; readonly length: number }
  | { readonly is: "chunked" }
  | { readonly is: "until-close" };

export interface ParsedHead {
  readonly head: ResponseHead;
  readonly framing: Framing;
  /** Whether the server means to keep the connection open after this answer. */
  readonly keepAlive: boolean;
}

export type Fields = readonly (readonly [name: string, value: string])[];

const statusLine = /^HTTP\/1\.([01]) ([1-9][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const fieldName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const notInFields = /[^\t\x20-\x7e\x80-\xff]/;
/** At most 15 digits: every such number is exact, and 1 PB is enough. */
const contentLength = /^[0-9]{1,15}$/;

/** Reads a head as latin1 text, without its last empty line. A string is what is wrong with it. */
export function parseHead(text: string, method: string): ParsedHead | string {
  const [first = "", ...lines] = text.split("\r\n");
  const status = statusLine.exec(first);
  if (status === null) return `its first line is not an HTTP/1.1 status line: ${JSON.stringify(first.slice(0, 80))}`;
  const fields = parseFields(lines);
  if (typeof fields === "string") return fields;

  const code = Number(status[2]);
  const isHttp10 = status[1] === "0";
  const framing = readFraming(fields, code, method, isHttp10);
  if (typeof framing === "string") return framing;
  const keepAlive = readKeepAlive(fields, isHttp10);
  if (code < 200 && !keepAlive) return `it is a ${code} that ends the connection`;
  return { head: toHead(code, fields), framing, keepAlive };
}

/** Header or trailer lines. Folded lines, space before the colon, control characters and bare CR or LF are refused. */
export function parseFields(lines: readonly string[]): Fields | string {
  const fields: [name: string, value: string][] = [];
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon);
    if (colon < 1 || !fieldName.test(name) || notInFields.test(line)) return refusal("that HTTP does not allow", line);
    // Allowed by RFC 9110 §5.6.3, but llhttp takes `chunked` with a tab behind it for another coding than chunked.
    const value = withoutSpaces(line, colon + 1);
    if (value.endsWith("\t")) return refusal("that ends with a tab", line);
    fields.push([name.toLowerCase(), value]);
  }
  return fields;
}

function refusal(what: string, line: string): string {
  return `it has a header line ${what}: ${JSON.stringify(line.slice(0, 80))}`;
}

/** The text from `start` on, without spaces and tabs before it and spaces after it. */
function withoutSpaces(line: string, start: number): string {
  let from = start;
  let to = line.length;
  while (line[from] === " " || line[from] === "\t") from++;
  while (to > from && line[to - 1] === " ") to--;
  return line.slice(from, to);
}

/** RFC 9112 §6.3, with everything refused that any reader could take for another length. */
function readFraming(fields: Fields, code: number, method: string, isHttp10: boolean): Framing | string {
  const lengths = valuesOf(fields, "content-length");
  const codings = valuesOf(fields, "transfer-encoding");
  if (lengths.length > 1) return "it has two content-length headers";
  if (codings.length > 1) return "it has two transfer-encoding headers";
  const [length] = lengths;
  const [coding] = codings;
  if (length !== undefined && coding !== undefined) return "it has both content-length and transfer-encoding";
  if (length !== undefined && !contentLength.test(length)) return `its content-length is ${JSON.stringify(length)}`;
  if (coding !== undefined && coding.toLowerCase() !== "chunked") {
    return `its transfer-encoding is ${JSON.stringify(coding)}`;
  }
  if (coding !== undefined && isHttp10) return "it is HTTP/1.0 with a transfer-encoding";

  if (code < 200) return length ?? coding ? `it is a ${code} with a body` : { is: "none" };
  if (method === "HEAD" || code === 204 || code === 304) return { is: "none" };
  if (coding !== undefined) return { is: "chunked" };
  return length === undefined ? { is: "until-close" } : { is: "sized", length: Number(length) };
}

function readKeepAlive(fields: Fields, isHttp10: boolean): boolean {
  if (!isHttp10 && !fields.some(([name]) => name === "connection")) return true;
  const options = valuesOf(fields, "connection").join(",").toLowerCase().split(",").map((option) => option.trim());
  return !options.includes("close") && (!isHttp10 || options.includes("keep-alive"));
}

function valuesOf(fields: Fields, name: string): string[] {
  const values: string[] = [];
  for (const field of fields) if (field[0] === name) values.push(field[1]);
  return values;
}

function toHead(status: number, fields: Fields): ResponseHead {
  return {
    status,
    header: (name) => fields.find((field) => field[0] === name)?.[1] ?? null,
    entries: () => fields,
  };
}
