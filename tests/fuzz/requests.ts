// Fuzzes the request parser against llhttp: `npm run fuzz:requests -- --seconds 60 --seed 7`.
//
// What this parser takes, llhttp must take, with the same target, body and wish to stay. What llhttp takes and this parser
// refuses must be one of the strictnesses listed here.

import { parseArgs } from "node:util";
import { RequestParser } from "../../router/listen/parse_request.ts";
import { readRequestWithLlhttp, type ReferenceReading } from "./llhttp.ts";
import { randomRequest } from "./request_bytes.ts";
import { cutIntoReads, damageResponse } from "./response_bytes.ts";
import { seededRandom } from "./seeded_random.ts";

export interface FuzzReport {
  readonly cases: number;
  readonly accepted: number;
  readonly refused: number;
  /** How often each deliberate strictness was met. */
  readonly stricter: Readonly<Record<string, number>>;
}

interface Reading {
  readonly method: string;
  readonly target: string;
  readonly body: Buffer;
  readonly outcome: "keep" | "close" | "refused" | "cut";
  readonly message: string;
}

/** What is refused here although llhttp takes it, by what the refusal says. */
const stricterThanLlhttp = [
  "HTTP/1.1 and HTTP/1.0 are spoken here",
  "host headers and not one",
  "its transfer-encoding is",
  "it is HTTP/1.0 with a transfer-encoding",
  "it says more than once how long its body is",
  "that ends with a tab",
  "it asks for something that is no path",
  // More than one empty line before it.
  "its first line is not that of an HTTP/1.1 request",
  "a chunk extension is",
  "its content-length is",
  "its trailers hold a header that frames it",
];
/** llhttp knows these, of which some are damaged into others; we leave it to the routes which methods there are. */
const methodsOfBoth = new Set(["GET", "POST", "HEAD", "DELETE", "OPTIONS", "PUT"]);
/** llhttp judges the letters of a target, which here are the route's business. */
const aboutTarget = /url|method/i;

/** Runs for `seconds`; throws at the first difference, with the seed and the bytes in the message. */
export function fuzzRequests(seed: number, seconds: number): FuzzReport {
  const random = seededRandom(seed);
  const until = performance.now() + seconds * 1_000;
  const stricter: Record<string, number> = {};
  let cases = 0;
  let accepted = 0;
  while (performance.now() < until) {
    const honest = randomRequest(random);
    const text = random.chance(0.4) ? honest : damageResponse(honest, random);
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    const ours = readWithParser(cutIntoReads(bytes, random));
    const again = readWithParser(cutIntoReads(bytes, random));
    const reference = readRequestWithLlhttp(cutIntoReads(bytes, random));
    const difference = sameReading(ours, again)
      ? compare(text, ours, reference, stricter)
      : "other cuts, another reading";
    if (difference !== null) {
      const readings = JSON.stringify({ ours: show(ours), again: show(again), llhttp: show(reference) });
      throw new Error(`${difference}: ${readings}; seed ${seed}, case ${cases}, bytes ${JSON.stringify(text)}`);
    }
    cases++;
    if (takes(ours)) accepted++;
  }
  return { cases, accepted, refused: cases - accepted, stricter };
}

function compare(
  text: string,
  ours: Reading,
  reference: ReferenceReading,
  stricter: Record<string, number>,
): string | null {
  if (takes(ours) && !takes(reference)) {
    const isTheirs = aboutTarget.test(reference.reason) || !methodsOfBoth.has(ours.method);
    return isTheirs ? null : "taken here, refused by llhttp";
  }
  if (!takes(reference)) return null;
  if (!takes(ours)) {
    const known = stricterThanLlhttp.find((words) => ours.message.includes(words));
    if (known === undefined && /\r(?!\n)/.test(text)) return null;
    if (known === undefined) return "refused here, taken by llhttp";
    stricter[known] = (stricter[known] ?? 0) + 1;
    return null;
  }
  if (!reference.target.endsWith(ours.target) && ours.target !== "/" && !ours.target.startsWith("/?")) {
    return "another target";
  }
  if (!ours.body.equals(reference.body)) return "another body";
  return ours.outcome === "keep" && reference.outcome === "close" ? "kept open here, not by llhttp" : null;
}

function takes({ outcome }: { readonly outcome: string }): boolean {
  return outcome === "keep" || outcome === "close";
}

function readWithParser(reads: readonly Uint8Array[]): Reading {
  const parser = new RequestParser({ maxHeadBytes: 16_384, maxBodyBytes: 1_000_000 });
  let method = "";
  let target = "";
  let keeps = false;
  for (const bytes of reads) {
    const { head, body, refusal } = parser.read(bytes, 0);
    if (head !== null) ({ method, target, keepAlive: keeps } = head);
    if (refusal !== null) {
      return { method, target, body: Buffer.alloc(0), outcome: "refused", message: refusal.message };
    }
    if (body === "too-large") throw new Error("no body here is too large");
    if (body !== null) {
      return { method, target, body: Buffer.from(body), outcome: keeps ? "keep" : "close", message: "" };
    }
  }
  return { method, target, body: Buffer.alloc(0), outcome: "cut", message: "" };
}

function sameReading(one: Reading, other: Reading): boolean {
  // A refusal is a refusal; which of two faults is met first may hang on the cut.
  if (one.outcome === "refused" && other.outcome === "refused") return true;
  return one.outcome === other.outcome && one.target === other.target && one.body.equals(other.body);
}

function show<T extends { readonly body: Buffer }>(reading: T): unknown {
  return { ...reading, body: reading.body.toString("latin1") };
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { seconds: { type: "string" }, seed: { type: "string" } } });
  const seed = Number(values.seed ?? Date.now() % 2 ** 32);
  console.log(`seed ${seed}`);
  console.log(fuzzRequests(seed, Number(values.seconds ?? 60)));
}
