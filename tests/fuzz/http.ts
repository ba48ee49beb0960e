// Fuzzes the response parser against llhttp: `bun run fuzz:http -- --seconds 60 --seed 7`.
//
// What this parser takes, llhttp must take, with the same status, body and end. What llhttp takes and this parser
// refuses must be one of the strictnesses listed here.

import { HeadMemory } from "../../router/upstream/head_memory.ts";
import { ResponseParser } from "../../router/upstream/parse_response.ts";
import { type Case, fuzz, type FuzzReport, runFromCommandLine, show, takes } from "./against_llhttp.ts";
import { readWithLlhttp, type ReferenceReading } from "./llhttp.ts";
import { cutIntoReads, randomResponse } from "./response_bytes.ts";

interface Reading {
  readonly status: number | null;
  readonly body: Buffer;
  readonly outcome: "keep" | "close" | "protocol" | "too-large" | "reset";
  readonly message: string;
}

/** What is refused here although llhttp takes it, by what the refusal says. */
const stricterThanLlhttp = [
  "its transfer-encoding is",
  "it is HTTP/1.0 with a transfer-encoding",
  "it has two transfer-encoding headers",
  "its first line is not an HTTP/1.1 status line",
  // Empty lines before the status line.
  "the answer is not HTTP/1.1",
  "interim heads",
  "with a body",
  "that ends the connection",
  "it has a header line that ends with a tab",
  "a chunk extension is",
  "its content-length is",
  "its trailers hold a header that frames it",
];

/** llhttp passes over a transfer-encoding that names nothing; beside a content-length it is refused here like any other. */
const emptyCoding = /transfer-encoding:[ \t]*\r?\n/i;
const bothLengths = "it has both content-length and transfer-encoding";

/** Runs for `seconds`; throws at the first difference, with the seed and the bytes in the message. */
export function fuzzHttp(seed: number, seconds: number): FuzzReport {
  return fuzz({ seed, seconds, honest: randomResponse, stricter: stricterThanLlhttp, judge });
}

function judge(one: Case) {
  const { bytes, random } = one;
  const method = random.chance(0.1) ? "HEAD" : "POST";
  const ours = readWithParser(method, cutIntoReads(bytes, random));
  const reference = readWithLlhttp(method, cutIntoReads(bytes, random));
  return {
    difference: compare(method, ours, reference, one),
    isTaken: takes(ours),
    readings: { method, ours: show(ours), llhttp: show(reference) },
  };
}

function compare(
  method: string,
  ours: Reading,
  reference: ReferenceReading,
  { text, refusedAlone }: Case,
): string | null {
  if (takes(ours) && !takes(reference)) return "taken here, refused by llhttp";
  if (!takes(reference)) return null;
  if (!takes(ours)) {
    const isAboutNothing = ours.message.includes(bothLengths) && emptyCoding.test(text);
    return isAboutNothing ? null : refusedAlone(ours.message);
  }
  if (ours.status !== reference.status) return "another status";
  if (!ours.body.equals(reference.body)) return "another body";
  // llhttp decides about keeping before it is told that the answer to HEAD has no body.
  return method !== "HEAD" && ours.outcome === "keep" && reference.outcome === "close"
    ? "kept open here, not by llhttp"
    : null;
}

/** One for all cases, as for all connections to one worker. */
const memory = new HeadMemory();

function readWithParser(method: string, reads: readonly Uint8Array[]): Reading {
  const parser = new ResponseParser(65_536, memory);
  parser.begin(method);
  let status: number | null = null;
  const chunks: Buffer[] = [];
  for (const bytes of [...reads, null]) {
    const { head, payload, end, failure } = bytes === null ? parser.close() : parser.read(bytes);
    if (head !== null) status = head.status;
    if (payload !== null) chunks.push(Buffer.from(payload));
    const body = Buffer.concat(chunks);
    if (failure !== null) return { status, body, outcome: failure.is, message: failure.message };
    if (end !== null) return { status, body, outcome: end, message: "" };
  }
  throw new Error("the parser saw the end of the connection and said nothing");
}

if (import.meta.main) runFromCommandLine(fuzzHttp);
