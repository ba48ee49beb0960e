// The head of a request: what is asked for, and how its body is framed. Strict, because two readers that frame the same
// bytes differently are how one client's request becomes part of another's (RFC 9112 §6.3, §11.2).

import { parseFields } from "../upstream/parse_head.ts";
import type { Fields } from "./client_request.ts";

export interface RequestHead {
  readonly method: string;
  /** Path and query, beginning with `/`; `/` also for what names no path (CONNECT). */
  readonly target: string;
  readonly fields: Fields;
  readonly body: RequestFraming;
  readonly isHttp10: boolean;
  /** Whether the client means to keep the connection open. */
  readonly keepAlive: boolean;
  /** It waits for `100 Continue` before it sends the body. */
  readonly expectsContinue: boolean;
}

export type RequestFraming =
  | { readonly is: "none" }
  | { readonly is: "sized"; readonly length: number }
  | { readonly is: "chunked" };

/** Why bytes are no request that we take. */
export interface Refusal {
  readonly is: "refused";
  readonly status: 400 | 408 | 413 | 431 | 505;
  /** A clause, fit for the client. */
  readonly message: string;
}

const requestLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e\x80-\xff]+) HTTP\/1\.([01])$/;
/** HTTP/0.9 has no version. */
const otherVersion = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+ \/[\x21-\x7e\x80-\xff]*(?: HTTP\/[\x21-\x7e]*)?$/;
const absoluteForm = /^https?:\/\/[^/?#]*/i;
/** At most 15 digits: every such number is exact, and 1 PB is enough. */
const contentLength = /^[0-9]{1,15}$/;

/** Reads a head as latin1 text, without its last empty line. */
export function parseRequestHead(text: string): RequestHead | Refusal {
  const lines = text.split("\r\n");
  const line = parseRequestLine(lines.shift()!);
  if ("is" in line) return line;
  const fields = parseFields(lines);
  if (typeof fields === "string") return refuse(400, `the request is refused: ${fields}`);

  let hosts = 0;
  let connection: string | null = null;
  let expect: string | null = null;
  const framing: string[] = [];
  for (const [name, value] of fields) {
    if (name === "host") hosts++;
    else if (name === "connection") connection = connection === null ? value : `${connection},${value}`;
    else if (name === "expect") expect = value;
    else if (name === "content-length" || name === "transfer-encoding") framing.push(name, value);
  }
  if (hosts > 1 || (hosts === 0 && !line.isHttp10)) return refuse(400, `it has ${hosts} host headers and not one`);
  const body = framing.length === 0 ? noBody : readFraming(framing, line.isHttp10);
  if (body.is === "refused") return body;
  return {
    ...line,
    fields,
    body,
    keepAlive: connection === null ? !line.isHttp10 : keepsAlive(connection, line.isHttp10),
    expectsContinue: expect !== null && !line.isHttp10 && expect.toLowerCase() === "100-continue",
  };
}

const noBody: RequestFraming = { is: "none" };
const chunkedBody: RequestFraming = { is: "chunked" };

interface RequestLine {
  readonly method: string;
  readonly target: string;
  readonly isHttp10: boolean;
}

export function parseRequestLine(text: string): RequestLine | Refusal {
  const parts = requestLine.exec(text);
  if (parts === null && otherVersion.test(text)) return refuse(505, "HTTP/1.1 and HTTP/1.0 are spoken here");
  if (parts === null) return refuse(400, "its first line is not that of an HTTP/1.1 request");
  const [, method, asked, minor] = parts as unknown as [string, string, string, string];
  const target = asked.startsWith("/") ? asked : originForm(method, asked);
  if (target === null) return refuse(400, "it asks for something that is no path");
  return { method, target, isHttp10: minor === "0" };
}

/** RFC 9112 §3.2: a request to a proxy names the server too, which is us, whatever it says. */
function originForm(method: string, target: string): string | null {
  if (method === "CONNECT") return "/";
  const server = absoluteForm.exec(target);
  if (server === null) return null;
  const rest = target.slice(server[0].length);
  return rest.startsWith("/") ? rest : `/${rest}`;
}

/** `framing`: names and values in turn. Everything is refused that any reader could take for another length. */
function readFraming(framing: readonly string[], isHttp10: boolean): RequestFraming | Refusal {
  if (framing.length > 2) return refuse(400, "it says more than once how long its body is");
  const [name, value] = framing as [string, string];
  if (name === "content-length") {
    if (!contentLength.test(value)) return refuse(400, `its content-length is ${JSON.stringify(value)}`);
    return value === "0" ? noBody : { is: "sized", length: Number(value) };
  }
  if (isHttp10) return refuse(400, "it is HTTP/1.0 with a transfer-encoding");
  if (value.toLowerCase() !== "chunked") return refuse(400, `its transfer-encoding is ${JSON.stringify(value)}`);
  return chunkedBody;
}

function keepsAlive(connection: string, isHttp10: boolean): boolean {
  const options = connection.toLowerCase().split(",").map((option) => option.trim());
  return !options.includes("close") && (!isHttp10 || options.includes("keep-alive"));
}

export function refuse(status: Refusal["status"], message: string): Refusal {
  return { is: "refused", status, message };
}
