// The requests every connector has to answer as one plain vLLM does, and how two answers are compared.

import { expect } from "bun:test";
import OpenAI from "openai";
import { model } from "./real_pair.ts";

/** No request twice with one prompt: a worker that answers from its own cache would prove nothing. */
let serial = 0;
export function freshPrompt(words: number): string {
  serial += 1;
  const list = Array.from({ length: words }, (_, index) => `word${(index * 7 + serial * 13) % 97}`);
  return `Request ${serial} ${process.pid}: ${list.join(" ")}`;
}

export interface Case {
  readonly name: string;
  readonly path: "/v1/completions" | "/v1/chat/completions";
  /** Everything but the model; called once, both sides get the same body. */
  body(): Record<string, unknown>;
  /** `true` when a real engine answers it rightly only in one piece; then the header must say `none`. */
  readonly whole?: true;
}

const chat = (text: string) => [{ role: "user", content: text }];

export const cases: readonly Case[] = [
  { name: "a short completion", path: "/v1/completions", body: () => ({ prompt: freshPrompt(2), max_tokens: 8 }) },
  { name: "a long completion", path: "/v1/completions", body: () => ({ prompt: freshPrompt(120), max_tokens: 24 }) },
  {
    name: "a completion with logprobs",
    path: "/v1/completions",
    body: () => ({ prompt: freshPrompt(30), max_tokens: 6, logprobs: 3 }),
  },
  {
    name: "a completion that echoes its prompt",
    path: "/v1/completions",
    body: () => ({ prompt: freshPrompt(20), max_tokens: 6, echo: true }),
  },
  {
    name: "token ids as prompt",
    path: "/v1/completions",
    body: () => ({ prompt: [...freshPrompt(30)].map((letter) => letter.charCodeAt(0)), max_tokens: 6 }),
  },
  { name: "a chat", path: "/v1/chat/completions", body: () => ({ messages: chat(freshPrompt(30)), max_tokens: 12 }) },
  {
    name: "a chat with logprobs and max_completion_tokens",
    path: "/v1/chat/completions",
    body: () => ({ messages: chat(freshPrompt(10)), max_completion_tokens: 5, logprobs: true, top_logprobs: 2 }),
  },
  {
    name: "min_tokens above 1",
    path: "/v1/completions",
    body: () => ({ prompt: freshPrompt(20), max_tokens: 9, min_tokens: 4 }),
  },
  {
    name: "n = 2",
    path: "/v1/completions",
    // Greedy with n above 1 is a 400 of vLLM's.
    body: () => ({ prompt: freshPrompt(20), max_tokens: 6, n: 2, temperature: 0.7, seed: 11 }),
    whole: true,
  },
  {
    name: "two prompts in one body",
    path: "/v1/completions",
    body: () => ({ prompt: [freshPrompt(10), freshPrompt(60)], max_tokens: 6 }),
    whole: true,
  },
  {
    name: "prompt_logprobs",
    path: "/v1/completions",
    body: () => ({ prompt: freshPrompt(20), max_tokens: 4, prompt_logprobs: 1 }),
    whole: true,
  },
];

/** Greedy, so that equal KV gives equal tokens. */
export function withModel(body: Record<string, unknown>): Record<string, unknown> {
  return { model, temperature: 0, ...body };
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
}

export async function post(
  base: string,
  path: string,
  body: unknown,
  signal: AbortSignal | null = null,
): Promise<Answer> {
  const response = await fetch(base + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal,
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: JSON.parse(text) };
}

/** Equal but for ids and times; log-probabilities may differ by what float32 rounds when a prompt is computed in other pieces. */
export function expectSame(split: Answer, plain: Answer): void {
  expect(split.status).toBe(plain.status);
  expect(essence(split)).toEqual(nearly(essence(plain)) as Record<string, unknown>);
}

export function essence({ json: { id: _id, created: _created, system_fingerprint: _print, ...rest } }: Answer) {
  return rest;
}

function nearly(value: unknown): unknown {
  if (typeof value === "number" && !Number.isInteger(value)) return expect.closeTo(value, 3);
  if (Array.isArray(value)) return value.map(nearly);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, nearly(member)]));
}

export function clientOf(url: string): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: "unused", maxRetries: 0, timeout: 120_000 });
}
