// Fuzzes the body scanner and the edits against JSON.parse: `bun run fuzz:body -- --seconds 60 --seed 7`.

import { isDeepStrictEqual, parseArgs } from "node:util";
import type { Json } from "../../kv/json.ts";
import type { LegEdit } from "../../kv/leg_edit.ts";
import { applyEdit } from "../../router/body/apply_edit.ts";
import { readFacts } from "../../router/body/read_facts.ts";
import { scanBody, type ScannedBody } from "../../router/body/scan_body.ts";
import { concat, damage, randomName, randomObjectText } from "./json_text.ts";
import { type SeededRandom, seededRandom } from "./seeded_random.ts";

export interface FuzzReport {
  readonly cases: number;
  readonly accepted: number;
  readonly refused: number;
}

/** Runs for `seconds`; throws at the first body that is read differently, with the seed and the body in the message. */
export function fuzzBody(seed: number, seconds: number): FuzzReport {
  const random = seededRandom(seed);
  const until = performance.now() + seconds * 1_000;
  let cases = 0;
  let accepted = 0;
  while (performance.now() < until) {
    const honest = new TextEncoder().encode(randomObjectText(random));
    const bytes = random.chance(0.5) ? honest : damage(honest, random);
    const difference = compare(bytes, randomEdit(random));
    if (difference !== null) throw new Error(`${difference}; seed ${seed}, case ${cases}, body ${quoteBytes(bytes)}`);
    cases++;
    if (scanBody(bytes).is === "object") accepted++;
  }
  return { cases, accepted, refused: cases - accepted };
}

function compare(bytes: Uint8Array, edit: LegEdit): string | null {
  const parsed = parseObject(bytes);
  const scanned = scanBody(bytes);
  if (scanned.is === "refused") return parsed === null ? null : `refused a valid body (${scanned.message})`;
  readFacts(scanned);
  const edited = concat(applyEdit(scanned, edit));
  return parsed === null ? compareNames(scanned, edited, edit) : compareValues(scanned, parsed, edited, edit);
}

/** A valid body: every member has JSON.parse's value, and the edited body parses to what the edit says. */
function compareValues(
  scanned: ScannedBody,
  parsed: Map<string, Json>,
  edited: Uint8Array,
  edit: LegEdit,
): string | null {
  const seen = new Map<string, Json>();
  for (const { name, valueStart, valueEnd } of scanned.members) {
    seen.set(name, JSON.parse(decode(scanned.bytes.subarray(valueStart, valueEnd))));
  }
  if (!isDeepStrictEqual(seen, parsed)) return "members differ";

  for (const name of [...edit.drop, ...Object.keys(edit.set)]) parsed.delete(name);
  const expected = new Map([...parsed, ...(Object.entries(edit.set) as [string, Json][])]);
  const actual = parseObject(edited);
  if (actual === null) return "the edited body is not valid JSON";
  return isDeepStrictEqual(actual, expected) ? compareNames(scanned, edited, edit) : "the edited body differs";
}

/** Any accepted body: after the edit, exactly the names that were kept, in order, then the ones that were set. */
function compareNames(scanned: ScannedBody, edited: Uint8Array, edit: LegEdit): string | null {
  const again = scanBody(edited);
  if (again.is === "refused") return `the edited body is refused (${again.message})`;
  const kept = scanned.members.map(({ name }) => name).filter((name) =>
    !edit.drop.includes(name) && !(Object.hasOwn(edit.set, name))
  );
  const expected = [...kept, ...Object.keys(edit.set)];
  return isDeepStrictEqual(again.members.map(({ name }) => name), expected) ? null : "the edited body's names differ";
}

function randomEdit(random: SeededRandom): LegEdit {
  const set: Record<string, Json> = {};
  for (let i = random.below(3); i > 0; i--) {
    const name = randomName(random);
    if (name !== "__proto__") set[name] = random.pick<Json>([1, false, null, 'é"', { a: [1, { b: "}" }] }]);
  }
  const drop = Array.from({ length: random.below(3) }, () => randomName(random)).filter((name) => !(name in set));
  return { set, drop, headers: {} };
}

function parseObject(bytes: Uint8Array): Map<string, Json> | null {
  try {
    const value: Json = JSON.parse(decode(bytes));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? new Map(Object.entries(value)) : null;
  } catch {
    return null;
  }
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function quoteBytes(bytes: Uint8Array): string {
  return JSON.stringify(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { seconds: { type: "string" }, seed: { type: "string" } } });
  const seed = Number(values.seed ?? Date.now() % 2 ** 32);
  console.log(`seed ${seed}`);
  console.log(fuzzBody(seed, Number(values.seconds ?? 10)));
}
