// Which top-level members a JSON body has and where each stands, found on bytes in one pass; values are not parsed.
//
// Guarantee: where Python's `json` accepts a body, and this scan does too, both see the same members and values,
// before and after `applyEdit`. Not checked, so left to the worker: number grammar and bracket kinds inside nested
// values, escapes and control characters inside string values, UTF-8.
// Refused although Python would take it: NaN and Infinity as top-level values (RFC 8259 has neither).

import { knownName } from "./member_name.ts";
import { skipSpace, skipString, skipValue } from "./skip_value.ts";
import { sliceUtf8 } from "./slice_text.ts";

export interface Member {
  /** Decoded: `"mod\u0065l"` is `model`. */
  readonly name: string;
  /** Index of the name's opening quote. */
  readonly keyStart: number;
  readonly valueStart: number;
  /** Index after the value's last byte. */
  readonly valueEnd: number;
}

export interface ScannedBody {
  readonly is: "object";
  readonly bytes: Uint8Array;
  /** Index of the opening brace, after a byte order mark and white space. */
  readonly open: number;
  /** Index of the closing brace. */
  readonly close: number;
  /** In the order of the body; a repeated name is there each time. The last one counts, as in Python and JavaScript. */
  readonly members: readonly Member[];
}

export interface BodyRefusal {
  readonly is: "refused";
  /** `empty`: no byte but white space. `not-an-object`: it starts as some other JSON value. `too-many-members`: over the limit. */
  readonly kind: "empty" | "not-an-object" | "invalid" | "too-many-members";
  /** Byte offset where reading stopped. */
  readonly at: number;
  /** A sentence for the client, without full stop. */
  readonly message: string;
}

/** OpenAI bodies have about forty members at most; the limit keeps memory small when a body is made of nothing else. */
const maxMembers = 1_000;

export function scanBody(bytes: Uint8Array): ScannedBody | BodyRefusal {
  const open = skipSpace(bytes, skipByteOrderMark(bytes));
  if (open >= bytes.length) return refuse("empty", open, "The body is empty; a JSON object is needed");
  if (bytes[open] !== 0x7b) return refuseOther(bytes, open);

  const members: Member[] = [];
  let at = skipSpace(bytes, open + 1);
  let close = bytes[at] === 0x7d ? at : -1;
  while (close < 0) {
    const member = readMember(bytes, at);
    if ("is" in member) return member;
    if (members.push(member) > maxMembers) {
      return refuse("too-many-members", at, `The body has more than ${maxMembers} members at its top level`);
    }
    at = skipSpace(bytes, member.valueEnd);
    if (bytes[at] === 0x7d) close = at;
    else if (bytes[at] === 0x2c) at = skipSpace(bytes, at + 1);
    else return invalid(bytes, at, "a comma or the closing brace");
  }
  const end = skipSpace(bytes, close + 1);
  return end < bytes.length ? invalid(bytes, end, "the end") : { is: "object", bytes, open, close, members };
}

/** The member that counts under this name: the last one; null when there is none. */
export function lastMember(body: ScannedBody, name: string): Member | null {
  return body.members.findLast((member) => member.name === name) ?? null;
}

/** Python's `json.loads` takes UTF-8 with a byte order mark, so vLLM does; SGLang's orjson does not. It is not sent on. */
function skipByteOrderMark(bytes: Uint8Array): number {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
}

function readMember(bytes: Uint8Array, keyStart: number): Member | BodyRefusal {
  if (bytes[keyStart] !== 0x22) return invalid(bytes, keyStart, "a member's name in double quotes");
  const keyEnd = skipString(bytes, keyStart);
  if (keyEnd < 0) return invalid(bytes, bytes.length, "the end of a member's name");
  const name = knownName(bytes, keyStart + 1, keyEnd - 1) ?? decodeName(sliceUtf8(bytes, keyStart + 1, keyEnd - 1));
  if (name === null) return invalid(bytes, keyStart, "a member's name with valid escapes");

  const colon = skipSpace(bytes, keyEnd);
  if (bytes[colon] !== 0x3a) return invalid(bytes, colon, "a colon");
  const valueStart = skipSpace(bytes, colon + 1);
  const valueEnd = skipValue(bytes, valueStart);
  if (valueEnd < 0) return invalid(bytes, valueStart, "a complete JSON value");
  return { name, keyStart, valueStart, valueEnd };
}

function decodeName(text: string): string | null {
  if (!text.includes("\\")) return text;
  try {
    return JSON.parse(`"${text}"`);
  } catch {
    return null;
  }
}

function refuseOther(bytes: Uint8Array, at: number): BodyRefusal {
  const end = skipValue(bytes, at);
  if (end < 0 || skipSpace(bytes, end) < bytes.length) return invalid(bytes, at, "a JSON object");
  return refuse("not-an-object", at, "The body must be a JSON object");
}

function invalid(bytes: Uint8Array, at: number, expected: string): BodyRefusal {
  const where = at >= bytes.length ? "where the body ends" : `at byte ${at}`;
  return refuse("invalid", at, `The body is not valid JSON: expected ${expected} ${where}`);
}

function refuse(kind: BodyRefusal["kind"], at: number, message: string): BodyRefusal {
  return { is: "refused", kind, at, message };
}
