// Random HTTP answers, mostly in order, and random damage to them.

import { acceptedCases, refusedCases } from "../conformance/response_cases.ts";
import type { SeededRandom } from "./seeded_random.ts";

const statuses = [
  "200 OK",
  "200 OK",
  "200 OK",
  "400 Bad Request",
  "503 x",
  "204 No Content",
  "304 Not Modified",
  "201",
];
const fields = [
  "server: uvicorn",
  "Date: x",
  "x-a:",
  "X-B:  \t b c ",
  "connection: close",
  "Connection: keep-alive",
  "x-c: \xe9",
];
const damages = [
  "",
  "\r",
  "\n",
  "\r\n",
  " ",
  "\t",
  ":",
  "0",
  "5",
  "f",
  ";",
  ",",
  "\0",
  "\x80",
  "\r\n\r\n",
  "content-length: 3\r\n",
  "transfer-encoding: chunked\r\n",
];

/** The limits have tests of their own; here long answers would only be slow. */
const cases = [...acceptedCases, ...refusedCases].filter(({ bytes }) => bytes.length < 1_000);

export function randomResponse(random: SeededRandom): string {
  if (random.chance(0.2)) return random.pick(cases).bytes;
  const interim = random.chance(0.1) ? "HTTP/1.1 100 Continue\r\n\r\n" : "";
  const version = random.chance(0.9) ? "HTTP/1.1" : "HTTP/1.0";
  const headers = Array.from({ length: random.below(4) }, () => `${random.pick(fields)}\r\n`).join("");
  const [framing, body] = random.pick([sized, chunked, untilClose])(random);
  const surplus = random.chance(0.05) ? "HTTP/1.1 200 OK\r\n" : "";
  return `${interim}${version} ${random.pick(statuses)}\r\n${headers}${framing}\r\n${body}${surplus}`;
}

/** One to three places changed, cut or added to. */
export function damageResponse(text: string, random: SeededRandom): string {
  let damaged = text;
  for (let times = 1 + random.below(3); times > 0; times--) {
    const at = random.below(damaged.length + 1);
    const until = random.chance(0.05) ? damaged.length : at + random.below(3);
    damaged = damaged.slice(0, at) + random.pick(damages) + damaged.slice(until);
  }
  return damaged;
}

/** The same bytes in a random number of reads. */
export function cutIntoReads(bytes: Uint8Array, random: SeededRandom): Uint8Array[] {
  const longest = random.pick([1, 3, 20, 1_000]);
  const reads: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const next = at + 1 + random.below(longest);
    reads.push(bytes.slice(at, next));
    at = next;
  }
  return reads;
}

function sized(random: SeededRandom): [string, string] {
  const body = payload(random);
  return [`content-length: ${body.length}\r\n`, body];
}

function untilClose(random: SeededRandom): [string, string] {
  return ["", payload(random)];
}

function chunked(random: SeededRandom): readonly [string, string] {
  return chunksOf(payload, { fewerThan: 6, zeros: "00" }, random);
}

/** Header and body: chunks with and without leading zeros, extensions and a trailer. */
export function chunksOf(
  payload: (random: SeededRandom) => string,
  { fewerThan, zeros }: { readonly fewerThan: number; readonly zeros: string },
  random: SeededRandom,
): readonly [string, string] {
  const chunks = Array.from({ length: random.below(fewerThan) }, () => {
    const data = `${payload(random)}x`;
    const size = random.chance(0.5) ? data.length.toString(16) : `${zeros}${data.length.toString(16).toUpperCase()}`;
    return `${size}${random.chance(0.1) ? ";a=1" : ""}\r\n${data}\r\n`;
  });
  const trailer = random.chance(0.1) ? "x-sum: 1\r\n" : "";
  return ["transfer-encoding: chunked\r\n", `${chunks.join("")}0\r\n${trailer}\r\n`];
}

function payload(random: SeededRandom): string {
  return Array.from(
    { length: random.below(4) },
    () => random.pick(["", "data: {}\n\n", "\r\n", "0\r\n\r\n", "\0\xff", "abcdefghijklmnop"]),
  ).join("");
}
