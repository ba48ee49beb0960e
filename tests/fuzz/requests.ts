// Fuzzes the request parser against llhttp: `npm run fuzz:requests -- --seconds 60 --seed 7`.
//
// What this parser takes, llhttp must take, with the same target, body and wish to stay. What llhttp takes and this parser
// refuses must be one of the strictnesses listed here.

import { RequestParser } from "../../router/listen/parse_request.ts";
import { type Case, fuzz, type FuzzReport, runFromCommandLine, show, takes } from "./against_llhttp.ts";
import { readRequestWithLlhttp, type ReferenceReading } from "./llhttp.ts";
import { randomRequest } from "./request_bytes.ts";
import { cutIntoReads } from "./response_bytes.ts";

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
  return fuzz({ seed, seconds, honest: randomRequest, stricter: stricterThanLlhttp, judge });
}

function judge(one: Case) {
  const { bytes, random } = one;
  const ours = readWithParser(cutIntoReads(bytes, random));
  const again = readWithParser(cutIntoReads(bytes, random));
  const reference = readRequestWithLlhttp(cutIntoReads(bytes, random));
  return {
    difference: sameReading(ours, again) ? compare(ours, reference, one) : "other cuts, another reading",
    isTaken: takes(ours),
    readings: { ours: show(ours), again: show(again), llhttp: show(reference) },
  };
}

function compare(ours: Reading, reference: ReferenceReading, { refusedAlone }: Case): string | null {
  if (takes(ours) && !takes(reference)) {
    const isTheirs = aboutTarget.test(reference.reason) || !methodsOfBoth.has(ours.method);
    return isTheirs ? null : "taken here, refused by llhttp";
  }
  if (!takes(reference)) return null;
  if (!takes(ours)) return refusedAlone(ours.message);
  if (!reference.target.endsWith(ours.target) && ours.target !== "/" && !ours.target.startsWith("/?")) {
    return "another target";
  }
  if (!ours.body.equals(reference.body)) return "another body";
  return ours.outcome === "keep" && reference.outcome === "close" ? "kept open here, not by llhttp" : null;
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

if (import.meta.main) runFromCommandLine(fuzzRequests);
