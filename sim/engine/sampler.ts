// The model's head: from what was attended to, to the next token. Printable letters, one byte each, so that every token
// is one character of text. The end token comes only after 128 tokens, so that short answers end by length.

import { mix } from "../kv/content.ts";
import { END_TOKEN } from "../tokenizer.ts";
import type { Sampling } from "./request.ts";

const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .";
const END_AFTER_TOKENS = 128;
const END_ONE_IN = 64;

export interface Candidate {
  readonly id: number;
  readonly logprob: number;
}

/** `position` counts generated tokens from 0. With temperature 0 only the KV content decides. */
export function sample(attention: number, sampling: Sampling, position: number, firstTokenEos: boolean): number {
  const mayEnd = !sampling.ignoreEos && position >= sampling.minTokens;
  if (firstTokenEos && position === 0 && position >= sampling.minTokens) return END_TOKEN;
  const drawn = sampling.temperature === 0 ? attention : mix(attention, mix(sampling.seed, sampling.index + 1));
  if (mayEnd && position >= END_AFTER_TOKENS && mix(drawn, 7) % END_ONE_IN === 0) return END_TOKEN;
  return letter(drawn, 0);
}

/** The `count` likeliest tokens, best first. The first is what temperature 0 takes. */
export function likeliest(attention: number, count: number): readonly Candidate[] {
  const found: Candidate[] = [];
  for (let rank = 0; found.length < Math.min(count, LETTERS.length); rank++) {
    const id = letter(attention, rank);
    if (found.some((candidate) => candidate.id === id)) continue;
    found.push({ id, logprob: logprobAt(attention, found.length) });
  }
  return found;
}

/** How likely `id` was, and its rank from 1. */
export function likelihood(attention: number, id: number): { readonly logprob: number; readonly rank: number } {
  const rank = likeliest(attention, 20).findIndex((candidate) => candidate.id === id);
  return rank >= 0
    ? { logprob: logprobAt(attention, rank), rank: rank + 1 }
    : { logprob: -12 - mix(attention, id) % 1000 / 1000, rank: 21 + mix(attention, id) % 200 };
}

function letter(attention: number, rank: number): number {
  return LETTERS.charCodeAt(mix(attention, 0x51ed270b + rank) % LETTERS.length);
}

function logprobAt(attention: number, rank: number): number {
  return -(0.5 + rank) - mix(attention, 3) % 1000 / 4000;
}
