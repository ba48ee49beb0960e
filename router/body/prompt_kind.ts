// Whether a completion's `prompt` is one prompt or several; a request with several must never be split into legs.

import { skipSpace, skipValue } from "./skip_value.ts";

/**
 * `missing`: absent, null, or an empty list.  `text`, `token-ids`: one prompt, also when it stands alone in a list.
 * `several`: more than one.  `other`: nothing an engine takes; it answers for itself when it gets the request whole.
 */
export type PromptKind = "missing" | "text" | "token-ids" | "several" | "other";

interface ValueStart {
  readonly valueStart: number;
}

export function promptKind(bytes: Uint8Array, prompt: ValueStart | undefined): PromptKind {
  if (prompt === undefined) return "missing";
  const first = bytes[prompt.valueStart];
  if (first === 0x6e) return "missing";
  if (first === 0x22) return "text";
  return first === 0x5b ? kindOfList(bytes, prompt.valueStart) : "other";
}

function kindOfList(bytes: Uint8Array, open: number): PromptKind {
  const at = skipSpace(bytes, open + 1);
  const first = bytes[at];
  if (first === 0x5d) return "missing";
  if (isNumberStart(first)) return "token-ids";
  if (first !== 0x22 && first !== 0x5b) return "other";

  const next = skipSpace(bytes, skipValue(bytes, at));
  if (bytes[next] !== 0x5d) return "several";
  if (first === 0x22) return "text";
  return isNumberStart(bytes[skipSpace(bytes, at + 1)]) ? "token-ids" : "other";
}

function isNumberStart(byte: number | undefined): boolean {
  return byte === 0x2d || (byte !== undefined && byte >= 0x30 && byte <= 0x39);
}
