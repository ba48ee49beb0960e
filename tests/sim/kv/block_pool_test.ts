import { describe, expect, test } from "bun:test";
import { BlockPool } from "../../../sim/kv/block_pool.ts";

describe("BlockPool", () => {
  test("gives blocks from 1 upwards, and none when there are too few", () => {
    const pool = new BlockPool(5, 4);
    expect(pool.take(3)).toEqual([1, 2, 3]);
    expect(pool.take(2)).toBeNull();
    expect(pool.usedCount).toBe(3);
    expect(pool.usage).toBe(0.75);
  });

  test("gives the longest unused block first, the last ones of a request before its first", () => {
    const pool = new BlockPool(5, 4);
    pool.release(pool.take(3)!);
    expect(pool.take(4)).toEqual([4, 3, 2, 1]);
  });

  test("keeps a block that has another holder", () => {
    const pool = new BlockPool(3, 4);
    const ids = pool.take(1)!;
    pool.hold(ids);
    pool.release(ids);
    expect(pool.usedCount).toBe(1);
    pool.release(ids);
    expect(pool.usedCount).toBe(0);
    expect(() => pool.release(ids)).toThrow("block 1 released twice");
  });

  test("finds a freed block by its name until it is given out again", () => {
    const pool = new BlockPool(3, 4);
    const [id] = pool.take(1)!;
    pool.name(id!, 77);
    pool.release([id!]);
    expect(pool.find(77)).toBe(id!);
    pool.take(2);
    expect(pool.find(77)).toBeNull();
  });

  test("a found block leaves the free ones when it is held", () => {
    const pool = new BlockPool(3, 4);
    pool.release(pool.take(1)!);
    pool.hold([1]);
    expect(pool.take(2)).toBeNull();
    expect(pool.take(1)).toEqual([2]);
  });

  test("freed blocks keep their content", () => {
    const pool = new BlockPool(3, 2);
    const [id] = pool.take(1)!;
    pool.slots(id!)!.set([8, 9]);
    pool.release([id!]);
    expect([...pool.slots(id!)!]).toEqual([8, 9]);
    expect(pool.slots(3)).toBeNull();
  });
});
