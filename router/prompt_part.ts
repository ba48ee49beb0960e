// What prefill's answer tells of the prompt and decode's lacks: log-probabilities and routed experts of the prompt's tokens
// (SGLang /generate; experts of vLLM and PRIME-RL as well). Spliced as bytes, so that every number stays as the engine wrote it.
// Source: SGLang gateway's PD router; in decode's answer the lists are there and empty.

import { Buffer } from "node:buffer";
import { skipValue } from "./body/skip_value.ts";
import { sliceLatin1 } from "./body/slice_text.ts";
import { joinRoutedExperts } from "./routed_experts.ts";

/** One entry for each prompt of the request: member name → what stands between prefill's brackets. */
export type PromptPart = readonly Readonly<Record<string, string>>[];

const lists = ["input_token_logprobs", "input_top_logprobs", "input_token_ids_logprobs"];
const experts = "routed_experts";

/** A quote inside a JSON string has a backslash before it, so this matches names of members only. */
const listOpens = new RegExp(`"(${lists.join("|")})"\\s*:\\s*(?=\\[)`, "g");
const expertsOpen = new RegExp(`"${experts}"\\s*:\\s*("[A-Za-z0-9+/=]*"|\\{[^{}]*\\})`, "g");

export function lacksPromptPart(answer: Uint8Array): boolean {
  const text = latin1(answer);
  return lists.some((name) => text.includes(`"${name}"`)) || text.includes(`"${experts}"`);
}

const expertsMark = Buffer.from(`"${experts}"`);

/** Of a prefill that answers before decode is asked: nothing but the experts is prefill's to tell there. */
export function expertsOf(prefillAnswer: Uint8Array): PromptPart | null {
  const { buffer, byteOffset, length } = prefillAnswer;
  if (!Buffer.from(buffer, byteOffset, length).includes(expertsMark)) return null;
  const parts = promptPartOf(prefillAnswer).flatMap(({ [experts]: own }) =>
    own === undefined ? [] : [{ [experts]: own }]
  );
  return parts.length === 0 ? null : parts;
}

export function promptPartOf(prefillAnswer: Uint8Array): PromptPart {
  const text = latin1(prefillAnswer);
  const parts: Record<string, string>[] = [];
  const seen: Record<string, number> = {};
  const put = (name: string, value: string) => {
    const index = seen[name] = (seen[name] ?? -1) + 1;
    (parts[index] ??= {})[name] = value;
  };
  for (const found of text.matchAll(listOpens)) {
    const start = found.index + found[0].length;
    const end = skipValue(prefillAnswer, start);
    if (end > 0) put(found[1]!, text.slice(start + 1, end - 1));
  }
  for (const found of text.matchAll(expertsOpen)) put(experts, found[1]!);
  return parts;
}

/** A whole answer; of several prompts the n-th takes the n-th part. */
export function withPromptPart(decodeAnswer: Uint8Array, part: PromptPart): Uint8Array {
  const seen: Record<string, number> = {};
  return splice(latin1(decodeAnswer), part, (name) => seen[name] = (seen[name] ?? -1) + 1);
}

/** The same for a stream, whose chunks may end anywhere: each event is held until it is whole, and says its prompt's index. */
export function promptPartSplicer(part: PromptPart): (chunk: Uint8Array) => Uint8Array {
  let held = "";
  return (chunk) => {
    const text = held + latin1(chunk);
    const end = text.lastIndexOf("\n\n") + 2;
    if (end < 2) {
      held = text;
      return new Uint8Array();
    }
    held = text.slice(end);
    const events = text.slice(0, end).split(/(?<=\n\n)/);
    return Buffer.concat(events.map((event) => splice(event, part, () => promptIndexOf(event))));
  };
}

/** `"index"` stands last in an event of several prompts and not at all in those of one. */
function promptIndexOf(event: string): number {
  return Number(/"index"\s*:\s*(\d+)\s*\}\s*$/.exec(event)?.[1] ?? 0);
}

function splice(text: string, part: PromptPart, indexOf: (name: string) => number): Buffer {
  const withLists = text.replace(new RegExp(`(${listOpens.source})\\[(\\s*\\]?)`, "g"), (all, open, name, rest) => {
    const mine = part[indexOf(name)]?.[name] ?? "";
    if (mine.trim() === "") return all;
    return `${open}[${mine}${rest.includes("]") ? "" : ","}${rest}`;
  });
  const merged = withLists.replace(expertsOpen, (all, own) => {
    // Several answers to one prompt share its part.
    const first = part[part.length === 1 ? 0 : indexOf(experts)]?.[experts];
    return first === undefined ? all : all.replace(own, () => joinRoutedExperts(first, own));
  });
  return Buffer.from(merged, "latin1");
}

function latin1(bytes: Uint8Array): string {
  return sliceLatin1(bytes, 0, bytes.length);
}
