// Random HTTP requests, mostly in order; damage to them is that of response_bytes.ts.

import { chunksOf } from "./response_bytes.ts";
import type { SeededRandom } from "./seeded_random.ts";

const targets = [
  "/",
  "/v1/chat/completions",
  "/health?a=b&c",
  "http://h:80/x",
  "https://h",
  "/a%20b/../c",
  "*",
  "/\xe9",
];
const methods = ["GET", "POST", "POST", "POST", "HEAD", "DELETE", "OPTIONS", "PUT"];
const fields = [
  "content-type: application/json",
  "Accept: */*",
  "x-a:",
  "X-B:  \t b c ",
  "connection: close",
  "Connection: keep-alive",
  "expect: 100-continue",
  "x-c: \xe9",
  "authorization: Bearer x",
];

export function randomRequest(random: SeededRandom): string {
  const emptyLine = random.chance(0.05) ? "\r\n" : "";
  const version = random.chance(0.9) ? "HTTP/1.1" : random.pick(["HTTP/1.0", "HTTP/2.0", "HTTP/0.9", "HTTP/1.2"]);
  const host = random.chance(0.97) ? "host: a\r\n" : "";
  const headers = Array.from({ length: random.below(4) }, () => `${random.pick(fields)}\r\n`).join("");
  const [framing, body] = random.pick([sized, chunked, () => ["", ""] as const])(random);
  const next = random.chance(0.1) ? "GET / HTTP/1.1\r\nhost: a\r\n\r\n" : "";
  return `${emptyLine}${random.pick(methods)} ${
    random.pick(targets)
  } ${version}\r\n${host}${headers}${framing}\r\n${body}${next}`;
}

function sized(random: SeededRandom): readonly [string, string] {
  const body = payload(random);
  return [`content-length: ${body.length}\r\n`, body];
}

function chunked(random: SeededRandom): readonly [string, string] {
  return chunksOf(payload, { fewerThan: 5, zeros: "0" }, random);
}

function payload(random: SeededRandom): string {
  return Array.from(
    { length: random.below(4) },
    () => random.pick(["", '{"model":"m"}', "\r\n", "0\r\n\r\n", "\0\xff", "GET / HTTP/1.1\r\n\r\n"]),
  ).join("");
}
