import { describe, expect, test } from "bun:test";
import { attend, blockName, NOTHING_ATTENDED, rootName, slotOf } from "../../../sim/kv/content.ts";

describe("KV content", () => {
  test("a slot depends on its token and on every slot before it", () => {
    const after = (tokens: readonly number[]) =>
      tokens.reduce((seen, token) => attend(seen, slotOf(seen, token)), NOTHING_ATTENDED);
    expect(slotOf(after([1, 2]), 3)).toBe(slotOf(after([1, 2]), 3));
    expect(slotOf(after([1, 2]), 3)).not.toBe(slotOf(after([1, 2]), 4));
    expect(slotOf(after([1, 2]), 3)).not.toBe(slotOf(after([2, 1]), 3));
  });

  test("is never an empty slot", () => {
    expect(Array.from({ length: 1000 }, (_, token) => slotOf(NOTHING_ATTENDED, token))).not.toContain(0);
  });

  test("blocks of equal tokens have one name only behind equal blocks and salts", () => {
    const tokens = [1, 2, 3, 4];
    const first = blockName(rootName(null), tokens, 0, 2);
    expect(blockName(first, tokens, 2, 4)).toBe(blockName(first, tokens, 2, 4));
    expect(blockName(rootName(null), tokens, 2, 4)).not.toBe(blockName(first, tokens, 2, 4));
    expect(blockName(rootName("salt"), tokens, 0, 2)).not.toBe(first);
  });
});
