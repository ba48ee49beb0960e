// Which requests a real engine answers wrongly, or not at all, when prefill and decode are different workers.
// Source: vLLM 0.32.0 measured with NIXL, and kv_transfer semantics by reading; each row says what happens.

import type { Connector } from "../kv/connector.ts";
import type { BodyFacts } from "./body/read_facts.ts";
import { lastMember, type ScannedBody } from "./body/scan_body.ts";
import { sliceUtf8 } from "./body/slice_text.ts";
import type { OpaqueBody } from "./read_ask.ts";
import type { Route } from "./routes.ts";
import { samplingOf } from "./sampling.ts";

interface Rule {
  /** Shown in `x-pdserve-handoff: none; reason=…`. */
  readonly reason: string;
  readonly applies: (facts: BodyFacts) => boolean;
}

const everywhere: readonly Rule[] = [
  // One set of params serves all children: the first read frees the blocks, the others race; push and Mooncake hang.
  { reason: "n", applies: (facts) => facts.n !== null && facts.n !== 1 },
  { reason: "best_of", applies: (facts) => facts.bestOf !== null && facts.bestOf !== 1 },
  { reason: "use_beam_search", applies: (facts) => facts.useBeamSearch },
  // Decode never computes the positions it loads, so it has no logits for them.
  { reason: "prompt_logprobs", applies: (facts) => facts.promptLogprobs },
  // -1 means "what max_tokens leaves", which differs on a leg that asks for one token.
  { reason: "truncate_prompt_tokens", applies: (facts) => isNegative(facts.truncatePromptTokens) },
  // Not a limit an engine takes: it refuses for itself, before any KV is pinned for it.
  { reason: "token_limit", applies: (facts) => isNoLimit(facts.maxTokens) || isNoLimit(facts.maxCompletionTokens) },
];

const completions: readonly Rule[] = [
  // Prefill returns the first prompt's KV only; decode uses it for all: wrong text with 200, or its engine dies.
  { reason: "several_prompts", applies: (facts) => facts.prompt === "several" },
  { reason: "prompt", applies: (facts) => facts.prompt === "missing" || facts.prompt === "other" },
  { reason: "prompt_embeds", applies: (facts) => facts.promptEmbeds },
  { reason: "echo_logprobs", applies: (facts) => facts.echo && facts.logprobs },
];

/** Responses that stand on state kept inside one engine. */
const responsesMembers = ["previous_response_id", "background"] as const;

/** Why this request goes whole to one worker; null when it can be split. */
export function whyWhole(
  route: Route,
  body: ScannedBody,
  facts: BodyFacts,
  { splitsBatches }: Pick<Connector, "splitsBatches"> = {},
): string | null {
  for (const rule of everywhere) if (rule.applies(facts)) return rule.reason;
  if (splitsBatches === true && hasEmptyPrompt(body)) return "empty_prompt";
  if (route.api === "responses") return responsesMembers.find((name) => isSet(body, name)) ?? null;
  if (route.samplingIn !== undefined && lacksSampling(route, body, route.samplingIn)) return route.samplingIn;
  if (route.api !== "completions") return null;
  for (const rule of completions) {
    if (splitsBatches === true && rule.reason === "several_prompts") continue;
    if (rule.applies(facts)) return rule.reason;
  }
  return null;
}

const promptMembers = ["prompt", "text", "input_ids"] as const;

/** No token at all ends a whole SGLang server (seen with 0.5.23 on a CPU). */
function hasEmptyPrompt(body: ScannedBody): boolean {
  return promptMembers.some((name) => {
    const member = lastMember(body, name);
    return member !== null && isEmptyPrompt(sliceUtf8(body.bytes, member.valueStart, member.valueEnd));
  });
}

/** Only a list of prompts is parsed; a list of tokens, which may be long, begins with a digit. */
function isEmptyPrompt(text: string): boolean {
  if (text === '""' || /^\[\s*\]$/.test(text)) return true;
  if (!/^\[\s*["[]/.test(text)) return false;
  try {
    return (JSON.parse(text) as readonly unknown[]).some((one) => (one as { length?: number } | null)?.length === 0);
  } catch {
    // The engine says what is wrong with it.
    return false;
  }
}

/** What cannot be read may ask for several answers. */
function lacksSampling(route: Route, body: ScannedBody, member: string): boolean {
  const isAbsent = lastMember(body, member) === null;
  return samplingOf(body, member) === null && !(isAbsent && route.samplingMayLack === true);
}

/** Some connectors can only keep the KV of some APIs' prefills. */
export function whyNotSplitBy({ apis }: Connector, { api }: Route): string | null {
  return apis === undefined || apis.includes(api) ? null : "connector";
}

/** Decode that keeps turns for prefill says where in the last event of such a stream, which passes unread. */
export function whyNotWithTurns(keepsTurns: boolean, { api }: Route, { stream }: BodyFacts): string | null {
  return keepsTurns && stream && api === "responses" ? "turn_reuse" : null;
}

/**
 * Asks for an answer of a form that one token cannot have: prefill may answer 500 for it (vLLM #38911), which is no
 * sign of a broken worker.
 */
export function needsWholeAnswer(body: ScannedBody | OpaqueBody): boolean {
  if (body.is === "opaque") return false;
  return isSet(body, "response_format") || isSet(body, "tool_choice");
}

function isSet(body: ScannedBody, name: string): boolean {
  const member = lastMember(body, name);
  if (member === null) return false;
  const first = body.bytes[member.valueStart];
  return first !== N_OF_NULL && first !== F_OF_FALSE;
}

const N_OF_NULL = 0x6e;
const F_OF_FALSE = 0x66;

function isNegative(count: number | null): boolean {
  return count !== null && !(count >= 0);
}

function isNoLimit(count: number | null): boolean {
  return count !== null && !(count >= 1);
}
