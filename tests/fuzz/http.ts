// Fuzzes the response parser against llhttp: `bun run fuzz:http -- --seconds 60 --seed 7`.
//
// What this parser takes, llhttp must take, with the same status, body and end. What llhttp takes and this parser
// refuses must be one of the strictnesses listed here.

import { parseArgs } from "node:util";
import { HeadMemory } from "../../router/upstream/head_memory.ts";
import { ResponseParser } from "../../router/upstream/parse_response.ts";
import { readWithLlhttp, type ReferenceReading } from "./llhttp.ts";
import { cutIntoReads, damageResponse, randomResponse } from "./response_bytes.ts";
import { seededRandom } from "./seeded_random.ts";

export interface FuzzReport {
  readonly cases: number;
  readonly accepted: number;
  readonly refused: number;
  /** How often each deliberate strictness was met. */
  readonly stricter: Readonly<Record<string, number>>;
}

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
  // llhttp passes over one that names nothing.
  "it has both content-length and transfer-encoding",
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

/** Runs for `seconds`; throws at the first difference, with the seed and the bytes in the message. */
export function fuzzHttp(seed: number, seconds: number): FuzzReport {
  const random = seededRandom(seed);
  const until = performance.now() + seconds * 1_000;
  const stricter: Record<string, number> = {};
  let cases = 0;
  let accepted = 0;
  while (performance.now() < until) {
    const honest = randomResponse(random);
    const text = random.chance(0.4) ? honest : damageResponse(honest, random);
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    const method = random.chance(0.1) ? "HEAD" : "POST";
    const ours = readWithParser(method, cutIntoReads(bytes, random));
    const reference = readWithLlhttp(method, cutIntoReads(bytes, random));
    const difference = compare({ method, text }, ours, reference, stricter);
    if (difference !== null) {
      const readings = JSON.stringify({ ours: show(ours), llhttp: show(reference) });
      throw new Error(
        `${difference}: ${readings}; seed ${seed}, case ${cases}, ${method}, bytes ${JSON.stringify(text)}`,
      );
    }
    cases++;
    if (ours.outcome === "keep" || ours.outcome === "close") accepted++;
  }
  return { cases, accepted, refused: cases - accepted, stricter };
}

function compare(
  { method, text }: { readonly method: string; readonly text: string },
  ours: Reading,
  reference: ReferenceReading,
  stricter: Record<string, number>,
): string | null {
  const takes = ours.outcome === "keep" || ours.outcome === "close";
  const referenceTakes = reference.outcome === "keep" || reference.outcome === "close";
  if (takes && !referenceTakes) return "taken here, refused by llhttp";
  if (!takes && !referenceTakes) return null;
  if (!takes) {
    const known = stricterThanLlhttp.find((words) => ours.message.includes(words));
    if (known === undefined && /\r(?!\n)/.test(text)) return null;
    if (known === undefined) return "refused here, taken by llhttp";
    stricter[known] = (stricter[known] ?? 0) + 1;
    return null;
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

function show<T extends { readonly body: Buffer }>(reading: T): unknown {
  return { ...reading, body: reading.body.toString("latin1") };
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { seconds: { type: "string" }, seed: { type: "string" } } });
  const seed = Number(values.seed ?? Date.now() % 2 ** 32);
  console.log(`seed ${seed}`);
  console.log(fuzzHttp(seed, Number(values.seconds ?? 60)));
}
