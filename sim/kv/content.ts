// What a KV slot holds, in place of keys and values: a number that depends on the token and on every slot before it.
// A slot computed after wrong slots is wrong, and a text generated from wrong slots differs from the right one.

/** One word that stands for everything attention would see in slots 0…n-1. */
export type Attention = number;

export const NOTHING_ATTENDED: Attention = 0x9e3779b9;

export function attend(before: Attention, slot: number): Attention {
  return mix(before, slot);
}

/** The slot of `token` at the place that follows what `before` stands for. Never 0, which is an empty slot. */
export function slotOf(before: Attention, token: number): number {
  return mix(before ^ 0x5bd1e995, token + 1) || 1;
}

export function mix(state: number, value: number): number {
  let h = Math.imul(state ^ value, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13) ^ (state << 7), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Names the content of a full block in the prefix cache: 53 bits over the parent's name, the salt and the tokens. */
export function blockName(parent: number, tokens: readonly number[], from: number, to: number): number {
  let high = mix(0xdeadbeef, parent % 0x100000000);
  let low = mix(0x41c6ce57, Math.floor(parent / 0x100000000));
  for (let i = from; i < to; i++) {
    const token = tokens[i] ?? 0;
    high = mix(high, token);
    low = mix(low, token + 0x1000);
  }
  return (high & 0x1fffff) * 0x100000000 + low;
}

/** The parent name of a prompt's first block. Requests with different salts share nothing. */
export function rootName(cacheSalt: string | null): number {
  if (cacheSalt === null) return 1;
  return blockName(2, [...cacheSalt].map((letter) => letter.codePointAt(0) ?? 0), 0, cacheSalt.length);
}
