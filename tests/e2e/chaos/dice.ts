// Random choices that one number repeats.

export interface Dice {
  /** 0 ≤ n < 1. */
  next(): number;
  between(low: number, high: number): number;
  pick<T>(of: readonly T[]): T;
}

/** mulberry32, by Tommy Ettinger, public domain. */
export function rollDice(seed: number): Dice {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    next,
    between: (low, high) => low + next() * (high - low),
    pick(of) {
      const found = of[Math.floor(next() * of.length)];
      if (found === undefined) throw new Error("nothing to pick from");
      return found;
    },
  };
}
