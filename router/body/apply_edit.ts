// One leg's body: the client's bytes with members cut out and the leg's own members put at the end.

import type { Json, RawJson } from "../../kv/json.ts";
import type { LegEdit } from "../../kv/leg_edit.ts";
import type { ScannedBody } from "./scan_body.ts";

const utf8 = new TextEncoder();
const keptTails = new WeakMap<LegEdit, Tail>();

/**
 * The edited body as pieces to send in order. All but the last one point into the client's body, nothing is copied.
 * Every kept member stays byte for byte and in its order; every member that is set or dropped is cut wherever it
 * stood, also when it stood there twice, so no reader depends on which of two equal names counts.
 */
export function applyEdit(body: ScannedBody, edit: LegEdit): readonly Uint8Array[] {
  const { bytes, members } = body;
  const tail = keptTails.get(edit) ?? null;
  let lastKept = members.length - 1;
  while (lastKept >= 0 && isCut(members[lastKept]!.name, edit)) lastKept--;

  const pieces: Uint8Array[] = [];
  // A run of kept members is one piece, its commas included. The first run starts with the opening brace.
  let runStart = body.open;
  for (let i = 0; i < lastKept; i++) {
    const member = members[i]!;
    if (!isCut(member.name, edit)) continue;
    const runEnd = i === 0 ? body.open + 1 : member.keyStart;
    if (runEnd > runStart) pieces.push(bytes.subarray(runStart, runEnd));
    runStart = members[i + 1]!.keyStart;
  }
  pieces.push(bytes.subarray(runStart, lastKept < 0 ? body.open + 1 : members[lastKept]!.valueEnd));
  pieces.push(
    tail === null ? tailAfter(lastKept >= 0, addedText(edit)) : lastKept >= 0 ? tail.afterMember : tail.alone,
  );
  return pieces;
}

/** For an edit that many requests share: what it adds is written once and kept with it. */
export function keepText(edit: LegEdit): LegEdit {
  const added = addedText(edit);
  keptTails.set(edit, { alone: tailAfter(false, added), afterMember: tailAfter(true, added) });
  return edit;
}

/** What an edit puts at the end of a body, behind its last kept member and where there is none. */
interface Tail {
  readonly alone: Uint8Array;
  readonly afterMember: Uint8Array;
}

function tailAfter(hasMember: boolean, added: string): Uint8Array {
  return utf8.encode(`${hasMember && added !== "" ? "," : ""}${added}}`);
}

function isCut(name: string, { set, drop }: LegEdit): boolean {
  return drop.includes(name) || Object.hasOwn(set, name);
}

function addedText({ set }: LegEdit): string {
  let text = "";
  for (const name of Object.keys(set)) {
    text += `${text === "" ? "" : ","}${JSON.stringify(name)}:${toJsonText(set[name]!)}`;
  }
  return text;
}

function toJsonText(value: Json | RawJson): string {
  return isRaw(value) ? value.rawJson : JSON.stringify(value);
}

function isRaw(value: Json | RawJson): value is RawJson {
  return typeof value === "object" && value !== null && "rawJson" in value && typeof value.rawJson === "string";
}
