// Random JSON objects as text, written in every way JSON allows, and random damage to them.

import type { SeededRandom } from "./seeded_random.ts";

const names = [
  "model",
  "stream",
  "max_tokens",
  "prompt",
  "kv_transfer_params",
  "n",
  "",
  "é",
  'a"b\\',
  "__proto__",
  "x",
];
const spaces = ["", "", "", " ", "\n", "\t", "\r\n", "  \t\n\r "];
const scalars = ["0", "-1", "1.5e+10", "12345678901234567890123", "true", "false", "null", "-0.0", "2E-3"];
const texts = [
  "",
  "a",
  "\\\\",
  '\\"',
  "}",
  "]",
  '{"x":[',
  "é😀",
  "\\u0000",
  "\\ud83d",
  "\\n",
  ',"model":"evil"',
  '\\\\\\"',
];

export function randomObjectText(random: SeededRandom): string {
  return space(random) + object(random, 0) + space(random);
}

/** One to three bytes changed, cut, doubled or put in. */
export function damage(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  let damaged = bytes;
  for (let times = 1 + random.below(3); times > 0; times--) {
    const at = random.below(damaged.length + 1);
    const put = random.pick(["", '"', "\\", "{", "}", "[", "]", ",", ":", " ", "1", "\0", "\x80", "\uFEFF"]);
    const until = random.chance(0.1) ? damaged.length : Math.min(damaged.length, at + random.below(3));
    const between = put === "\x80" ? new Uint8Array([0x80]) : new TextEncoder().encode(put);
    damaged = concat([damaged.subarray(0, at), between, damaged.subarray(until)]);
  }
  return damaged;
}

export function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

export function randomName(random: SeededRandom): string {
  return random.pick(names);
}

function object(random: SeededRandom, depth: number): string {
  const members = Array.from({ length: random.below(6) }, () => {
    const name = writeName(random.pick(names), random);
    return space(random) + name + space(random) + ":" + space(random) + value(random, depth) + space(random);
  });
  return `{${members.length > 0 ? members.join(",") : space(random)}}`;
}

function value(random: SeededRandom, depth: number): string {
  if (depth < 4 && random.chance(0.25)) return object(random, depth + 1);
  if (depth < 4 && random.chance(0.25)) return list(random, depth);
  return random.chance(0.5) ? random.pick(scalars) : string(random);
}

function list(random: SeededRandom, depth: number): string {
  const numbersOnly = random.chance(0.4);
  const items = Array.from({ length: random.below(8) }, () => {
    const item = numbersOnly ? String(random.below(150_000)) : value(random, depth + 1);
    return space(random) + item + space(random);
  });
  return `[${items.length > 0 ? items.join(",") : space(random)}]`;
}

function string(random: SeededRandom): string {
  return `"${Array.from({ length: random.below(4) }, () => random.pick(texts)).join("")}"`;
}

/** The same name with some of its characters as escapes. */
function writeName(name: string, random: SeededRandom): string {
  const characters = Array.from(name.split(""), (character) => {
    if (!random.chance(0.1)) return JSON.stringify(character).slice(1, -1);
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
  return `"${characters.join("")}"`;
}

function space(random: SeededRandom): string {
  return random.pick(spaces);
}
