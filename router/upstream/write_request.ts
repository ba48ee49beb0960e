// A request as bytes. Nothing a caller passes can start another header or another request.

import { Buffer } from "node:buffer";
import type { UpstreamRequest } from "./client.ts";

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const target = /^\/[\x21-\x7e\x80-\xff]*$/;
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;
/** Framing is the client's business alone. */
const ownNames = new Set(["host", "content-length", "connection", "transfer-encoding"]);
/** Names that have been found good; clients send the same few again and again. */
const goodNames = new Set<string>();
const maxGoodNames = 1_000;

/** Bodies up to here are copied behind the head, to leave in one write; larger ones are sent from where they are. */
const maxCopiedBytes = 32_768;

/**
 * The pieces to write, in order.
 * @throws TypeError when the method, path or a header cannot be written: a caller's bug, nothing is sent.
 */
export function writeRequest(request: UpstreamRequest, hostHeader: string): readonly Uint8Array[] {
  let bodyBytes = 0;
  for (const piece of request.body) bodyBytes += piece.length;
  const head = writeHead(request, hostHeader, bodyBytes);
  if (bodyBytes > maxCopiedBytes) return [Buffer.from(head, "latin1"), ...request.body];
  const whole = Buffer.allocUnsafe(head.length + bodyBytes);
  let at = whole.write(head, "latin1");
  for (const piece of request.body) {
    whole.set(piece, at);
    at += piece.length;
  }
  return [whole];
}

function writeHead(request: UpstreamRequest, hostHeader: string, bodyBytes: number): string {
  checkRequest(request);
  const { method, path, headers } = request;
  let head = `${method} ${path} HTTP/1.1\r\nhost: ${hostHeader}\r\n`;
  for (const [name, value] of headers) head += `${name}: ${value}\r\n`;
  if (bodyBytes > 0 || (method !== "GET" && method !== "HEAD")) head += `content-length: ${bodyBytes}\r\n`;
  return head + "\r\n";
}

/** @throws TypeError for what HTTP does not allow in a method, path or header, and for headers that frame the message. */
export function checkRequest({ method, path, headers }: UpstreamRequest): void {
  if (!token.test(method)) throw new TypeError(`HTTP does not allow the method ${JSON.stringify(method)}`);
  if (!target.test(path)) throw new TypeError(`HTTP does not allow the path ${JSON.stringify(path)}`);
  for (const [name, value] of headers) {
    if (!goodNames.has(name)) checkName(name);
    if (!fieldValue.test(value)) {
      throw new TypeError(`HTTP does not allow the value of header ${name}: ${JSON.stringify(value)}`);
    }
  }
}

function checkName(name: string): void {
  if (!token.test(name)) throw new TypeError(`HTTP does not allow the header name ${JSON.stringify(name)}`);
  if (ownNames.has(name.toLowerCase())) throw new TypeError(`the header ${name} is the client's business`);
  if (goodNames.size < maxGoodNames) goodNames.add(name);
}
