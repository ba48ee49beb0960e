// What the fuzzers of both parsers share: cases until the time is up, what a strictness is, and the command line.

import { parseArgs } from "node:util";
import { damageResponse } from "./response_bytes.ts";
import { type SeededRandom, seededRandom } from "./seeded_random.ts";

export interface FuzzReport {
  readonly cases: number;
  readonly accepted: number;
  readonly refused: number;
  /** How often each deliberate strictness was met. */
  readonly stricter: Readonly<Record<string, number>>;
}

export interface Case {
  readonly text: string;
  readonly bytes: Uint8Array;
  readonly random: SeededRandom;
  /** Notes that it was refused although llhttp takes it; says what is wrong when that is none of the known strictnesses. */
  refusedAlone(message: string): string | null;
}

export interface Judged {
  /** Null where both agree, or differ on purpose. */
  readonly difference: string | null;
  readonly isTaken: boolean;
  /** For whoever must find the cause. */
  readonly readings: Readonly<Record<string, unknown>>;
}

/** Runs for `seconds`; throws at the first difference, with the seed and the bytes in the message. */
export function fuzz(
  { seed, seconds, honest, stricter: known, judge }: {
    readonly seed: number;
    readonly seconds: number;
    readonly honest: (random: SeededRandom) => string;
    /** What is refused here although llhttp takes it, by what the refusal says. */
    readonly stricter: readonly string[];
    readonly judge: (one: Case) => Judged;
  },
): FuzzReport {
  const random = seededRandom(seed);
  const until = performance.now() + seconds * 1_000;
  const stricter: Record<string, number> = {};
  let cases = 0;
  let accepted = 0;
  while (performance.now() < until) {
    const good = honest(random);
    const text = random.chance(0.4) ? good : damageResponse(good, random);
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    const refusedAlone = (message: string) => {
      const words = known.find((some) => message.includes(some));
      if (words !== undefined) stricter[words] = (stricter[words] ?? 0) + 1;
      // A bare CR, which llhttp is lenient about in many places.
      return words !== undefined || /\r(?!\n)/.test(text) ? null : "refused here, taken by llhttp";
    };
    const { difference, isTaken, readings } = judge({ text, bytes, random, refusedAlone });
    if (difference !== null) {
      const where = `seed ${seed}, case ${cases}, bytes ${JSON.stringify(text)}`;
      throw new Error(`${difference}: ${JSON.stringify(readings)}; ${where}`);
    }
    cases++;
    if (isTaken) accepted++;
  }
  return { cases, accepted, refused: cases - accepted, stricter };
}

export function takes({ outcome }: { readonly outcome: string }): boolean {
  return outcome === "keep" || outcome === "close";
}

export function show<T extends { readonly body: Buffer }>(reading: T): unknown {
  return { ...reading, body: reading.body.toString("latin1") };
}

/** `--seconds 60 --seed 7`. */
export function runFromCommandLine(run: (seed: number, seconds: number) => FuzzReport): void {
  const { values } = parseArgs({ options: { seconds: { type: "string" }, seed: { type: "string" } } });
  const seed = Number(values.seed ?? Date.now() % 2 ** 32);
  console.log(`seed ${seed}`);
  console.log(run(seed, Number(values.seconds ?? 60)));
}
