// What the simulated model computes: KV of a prompt, tokens that follow from KV, and log-probabilities of both.
// A token depends on every KV slot before it, so KV that is lost or wrong on its way gives another text.

import { attend, mix, NOTHING_ATTENDED, slotOf } from "../kv/content.ts";
import { likeliest, likelihood, sample } from "../engine/sampler.ts";

export interface Sampling {
  readonly temperature: number;
  readonly maxNewTokens: number;
  readonly n: number;
  readonly seed: number;
}

export type LogprobRow = readonly [number | null, number, null];

/** One slot for each token. */
export function computeSlots(tokens: readonly number[]): number[] {
  let seen = NOTHING_ATTENDED;
  return tokens.map((token) => {
    const slot = slotOf(seen, token);
    seen = attend(seen, slot);
    return slot;
  });
}

/** The token that follows these slots, with its log-probability. */
export function nextToken(slots: readonly number[], sampling: Sampling, position: number): [number, number] {
  const seen = slots.reduce(attend, NOTHING_ATTENDED);
  const whim = sampling.temperature === 0 ? seen : mix(seen, sampling.seed);
  const asked = { temperature: sampling.temperature, seed: sampling.seed, index: 0, ignoreEos: true, minTokens: 0 };
  const token = sample(whim, asked as unknown as Parameters<typeof sample>[1], position, false);
  return [token, likelihood(whim, token).logprob];
}

export function likeliestTokens(slots: readonly number[], count: number): readonly { id: number; logprob: number }[] {
  return likeliest(slots.reduce(attend, NOTHING_ATTENDED), count);
}

/** Of prompt tokens from `start` on; nothing stands before the first. */
export function promptLogprobs(tokens: readonly number[], start: number): LogprobRow[] {
  const slots = computeSlots(tokens);
  return tokens.slice(start).map((token, at) => {
    const index = start + at;
    if (index === 0) return [null, token, null];
    const seen = slots.slice(0, index).reduce(attend, NOTHING_ATTENDED);
    return [likelihood(seen, token).logprob, token, null];
  });
}
