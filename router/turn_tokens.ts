// The token ids of a turn: those that the client asks with, and those that decode has answered.

import type { Json } from "../kv/json.ts";
import { lastMember, type ScannedBody } from "./body/scan_body.ts";
import { sliceUtf8 } from "./body/slice_text.ts";
import type { Ask } from "./read_ask.ts";

/** Where a prompt of token ids stands, by path. */
const promptMembers: Readonly<Record<string, string>> = {
  "/v1/completions": "prompt",
  "/inference/v1/generate": "token_ids",
  "/v1/chat/completions/tokens": "tokens",
  "/chat/completions/tokens": "tokens",
};

/** With these the same ids stand for other KV, or the engine makes other ids of them. */
const otherKv = ["features", "prompt_embeds", "truncate_prompt_tokens", "mm_processor_kwargs", "multi_modal_data"];

/** Null where the prompt is no list of ids, or where its KV is not that of these ids alone. */
export function promptIdsOf({ route, body }: Ask): readonly number[] | null {
  const name = promptMembers[route.path];
  if (name === undefined || body.is === "opaque" || otherKv.some((each) => lastMember(body, each) !== null)) {
    return null;
  }
  if (name === "tokens" && !areOfText(valueOf(body, "messages"))) return null;
  const prompt = valueOf(body, name);
  const only = Array.isArray(prompt) && prompt.length === 1 && Array.isArray(prompt[0]) ? prompt[0] : prompt;
  return areIds(only) ? only : null;
}

export interface AnsweredTurn {
  /** Of the whole turn: prompt and answer. */
  readonly ids: readonly number[];
  readonly params: Readonly<Record<string, Json>>;
}

/** Null where the answer does not tell its ids (`return_token_ids`), its KV, or disagrees about the prompt. */
export function readAnsweredTurn(prompt: readonly number[], answer: Uint8Array): AnsweredTurn | null {
  const told = parsed(new TextDecoder().decode(answer));
  if (!isObject(told) || !isObject(told.kv_transfer_params) || !Array.isArray(told.choices)) return null;
  const [choice, ...others] = told.choices;
  if (!isObject(choice) || others.length > 0 || !areIds(choice.token_ids)) return null;
  const asked = choice.prompt_token_ids ?? told.prompt_token_ids ?? null;
  if (asked !== null && !(areIds(asked) && areEqual(asked, prompt))) return null;
  const counted = isObject(told.usage) ? told.usage.prompt_tokens : prompt.length;
  if (counted !== prompt.length) return null;
  return { ids: [...prompt, ...choice.token_ids], params: told.kv_transfer_params };
}

function valueOf(body: ScannedBody, name: string): Json | undefined {
  const member = lastMember(body, name);
  return member === null ? undefined : parsed(sliceUtf8(body.bytes, member.valueStart, member.valueEnd));
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Images and sounds stand among the parts of a message. */
function areOfText(messages: Json | undefined): boolean {
  if (messages === undefined) return true;
  return Array.isArray(messages) &&
    messages.every((one) => isObject(one) && (typeof one.content === "string" || (one.content ?? null) === null));
}

function areIds(value: Json | undefined): value is number[] {
  return Array.isArray(value) && value.length > 0 &&
    value.every((id) => Number.isSafeInteger(id) && (id as number) >= 0);
}

function areEqual(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((id, at) => id === other[at]);
}

function isObject(value: Json | undefined): value is { readonly [name: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
