// What the prefill worker's 200 says: what decode needs of it, or that it only looks like success.

import type { PrefillReply } from "../kv/connector.ts";
import type { Json } from "../kv/json.ts";
import { type Member, scanBody, type ScannedBody } from "./body/scan_body.ts";
import { sliceUtf8 } from "./body/slice_text.ts";

export type ReadReply =
  | { readonly is: "reply"; readonly reply: PrefillReply }
  | { readonly is: "unusable"; readonly reason: string };

const nothing: PrefillReply = { params: null, raw: null };

/** Engines say `error` or `abort` with status 200 when they gave up; its KV is not there. */
const gaveUp = /"finish_reason"\s*:\s*"(error|abort)"/;

/** Choices of one token are short; a longer text is log probabilities, which come after the finish reason or not at all. */
const MAX_CHOICES_TEXT = 64 * 1024;

export function readPrefillReply(answer: Uint8Array): ReadReply {
  const body = scanBody(answer);
  if (body.is === "refused") return { is: "unusable", reason: "answered 200 with a body that is not JSON" };
  const choices = body.members.find((member) => member.name === "choices");
  const sign = choices && gaveUp.exec(textOf(body, choices, MAX_CHOICES_TEXT));
  if (sign) return { is: "unusable", reason: `ended with finish_reason "${sign[1]}"` };

  const member = body.members.findLast((one) => one.name === "kv_transfer_params");
  if (member === undefined) return { is: "reply", reply: nothing };
  const rawJson = textOf(body, member);
  const params = parseObject(rawJson);
  return { is: "reply", reply: params === null ? nothing : { params, raw: { rawJson } } };
}

function textOf({ bytes }: ScannedBody, { valueStart, valueEnd }: Member, max = Infinity): string {
  return sliceUtf8(bytes, valueStart, Math.min(valueEnd, valueStart + max));
}

/** The object to look at; numbers beyond 2^53 are rounded here, which is why the text is what travels on. */
function parseObject(text: string): Readonly<Record<string, Json>> | null {
  try {
    const value: Json = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? value as Readonly<Record<string, Json>>
      : null;
  } catch {
    return null;
  }
}
