// What routing needs to know of a request body: small members read as vLLM would read them, large ones only classed.
//
// vLLM validates with pydantic in lax mode: `"n":"2"`, `"n":2.0` and `"stream":"yes"` are taken for 2 and true.
// A router that read them more strictly would split requests it must not split.

import { type Member, type ScannedBody } from "./scan_body.ts";
import { type PromptKind, promptKind } from "./prompt_kind.ts";
import { sliceUtf8 } from "./slice_text.ts";

export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface BodyFacts {
  /** Null when absent or not a string. */
  readonly model: string | null;
  readonly stream: boolean;
  /** `stream_options.include_usage`. */
  readonly includeUsage: boolean;
  /** Counts are null when absent or null, NaN when no number can be read: compare with `!== 1`, not `> 1`. */
  readonly n: number | null;
  readonly bestOf: number | null;
  readonly maxTokens: number | null;
  readonly maxCompletionTokens: number | null;
  readonly minTokens: number | null;
  readonly truncatePromptTokens: number | null;
  readonly echo: boolean;
  readonly useBeamSearch: boolean;
  /** Asked for: present, and neither null nor false (0 asks, in completions). */
  readonly logprobs: boolean;
  readonly promptLogprobs: boolean;
  /** Present and not null. */
  readonly promptEmbeds: boolean;
  readonly prompt: PromptKind;
  /** `session_id`, else `user`; null when neither is a string that is not empty. */
  readonly sessionKey: string | null;
  /** Where the values stand in the scanned bytes. */
  readonly messagesSpan: Span | null;
  readonly promptSpan: Span | null;
}

/** Longest value that is parsed; nothing that is read here is longer in an honest request. */
const maxParsedBytes = 1_024;

type SmallValue = string | number | boolean | null | object | undefined;

export function readFacts(body: ScannedBody): BodyFacts {
  const last = new Map<string, Member>();
  for (const member of body.members) last.set(member.name, member);
  const { bytes } = body;
  return {
    model: toText(readSmall(bytes, last.get("model"))),
    stream: toFlag(readSmall(bytes, last.get("stream"))),
    includeUsage: includesUsage(readSmall(bytes, last.get("stream_options"))),
    n: toCount(readSmall(bytes, last.get("n"))),
    bestOf: toCount(readSmall(bytes, last.get("best_of"))),
    maxTokens: toCount(readSmall(bytes, last.get("max_tokens"))),
    maxCompletionTokens: toCount(readSmall(bytes, last.get("max_completion_tokens"))),
    minTokens: toCount(readSmall(bytes, last.get("min_tokens"))),
    truncatePromptTokens: toCount(readSmall(bytes, last.get("truncate_prompt_tokens"))),
    echo: toFlag(readSmall(bytes, last.get("echo"))),
    useBeamSearch: toFlag(readSmall(bytes, last.get("use_beam_search"))),
    logprobs: isAskedFor(readSmall(bytes, last.get("logprobs"))),
    promptLogprobs: isAskedFor(readSmall(bytes, last.get("prompt_logprobs"))),
    promptEmbeds: isAskedFor(readSmall(bytes, last.get("prompt_embeds"))),
    prompt: promptKind(bytes, last.get("prompt")),
    sessionKey: toText(readSmall(bytes, last.get("session_id"))) || toText(readSmall(bytes, last.get("user"))) || null,
    messagesSpan: toSpan(last.get("messages")),
    promptSpan: toSpan(last.get("prompt")),
  };
}

/** The member parsed; undefined when absent; an empty object for one that is too long or that does not parse. */
function readSmall(bytes: Uint8Array, member: Member | undefined): SmallValue {
  if (member === undefined) return undefined;
  const { valueStart: start, valueEnd: end } = member;
  if (end - start > maxParsedBytes) return {};
  // The scan has let no other word through.
  if (bytes[start] === 0x74) return true;
  if (bytes[start] === 0x66) return false;
  if (bytes[start] === 0x6e) return null;
  const integer = smallInteger(bytes, start, end);
  if (integer >= 0) return integer;
  try {
    return JSON.parse(sliceUtf8(bytes, start, end));
  } catch {
    return {};
  }
}

/** -1 for all but a plain integer of few digits, which is what limits are. */
function smallInteger(bytes: Uint8Array, start: number, end: number): number {
  if (end - start > 9) return -1;
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function toSpan(member: Member | undefined): Span | null {
  return member === undefined ? null : { start: member.valueStart, end: member.valueEnd };
}

function toText(value: SmallValue): string | null {
  return typeof value === "string" ? value : null;
}

function toCount(value: SmallValue): number | null {
  if (value === undefined || value === null) return null;
  if (typeof value === "string" && value.trim() !== "") return Number(value.trim().replaceAll("_", ""));
  return typeof value === "number" || typeof value === "boolean" ? Number(value) : NaN;
}

function toFlag(value: SmallValue): boolean {
  if (typeof value === "string") return /^(?:1|t|true|y|yes|on)$/i.test(value);
  return value === true || value === 1;
}

function isAskedFor(value: SmallValue): boolean {
  return value !== undefined && value !== null && value !== false;
}

function includesUsage(options: SmallValue): boolean {
  if (typeof options !== "object" || options === null || !("include_usage" in options)) return false;
  return toFlag(options.include_usage as SmallValue);
}
