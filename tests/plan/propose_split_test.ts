import { describe, expect, test } from "bun:test";
import { proposeSplit } from "../../plan/propose_split.ts";

/** `islands` are joined by NVLink, across them it is the socket. */
function linksOf(islands: readonly string[][]) {
  return (a: string, b: string) => islands.some((island) => island.includes(a) && island.includes(b)) ? "NV4" : "SYS";
}

const ids = (count: number) => Array.from({ length: count }, (_, id) => String(id));

describe("proposeSplit()", () => {
  test("keeps a prefill worker and its decode worker in one NVLink pair", () => {
    const link = linksOf([["0", "1"], ["2", "3"]]);
    expect(proposeSplit({ free: ids(4), counts: { prefill: 2, decode: 2 }, sizes: { prefill: 1, decode: 1 }, link }))
      .toEqual({ prefill: [["0"], ["2"]], decode: [["1"], ["3"]] });
  });

  test("keeps the GPUs of one worker in an island before it looks at the pair", () => {
    const link = linksOf([["0", "2"], ["1", "3"]]);
    expect(proposeSplit({ free: ids(4), counts: { prefill: 1, decode: 1 }, sizes: { prefill: 2, decode: 2 }, link }))
      .toEqual({ prefill: [["0", "2"]], decode: [["1", "3"]] });
  });

  test("finds the only bridged pair of a PCIe box", () => {
    const link = linksOf([["0"], ["1"], ["2", "3"]]);
    expect(proposeSplit({ free: ids(4), counts: { prefill: 1, decode: 1 }, sizes: { prefill: 1, decode: 1 }, link }))
      .toEqual({ prefill: [["2"]], decode: [["3"]] });
  });

  test("puts two pairs of TP 2 into the two quads of an eight-GPU box", () => {
    const link = linksOf([["0", "1", "2", "3"], ["4", "5", "6", "7"]]);
    expect(proposeSplit({ free: ids(8), counts: { prefill: 2, decode: 2 }, sizes: { prefill: 2, decode: 2 }, link }))
      .toEqual({ prefill: [["0", "1"], ["4", "5"]], decode: [["2", "3"], ["6", "7"]] });
  });

  test("uses each GPU once and as many as asked, whatever the sizes", () => {
    const link = linksOf([["0", "5"], ["1", "2"], ["3", "4"]]);
    const split = proposeSplit({
      free: ids(6),
      counts: { prefill: 1, decode: 2 },
      sizes: { prefill: 2, decode: 1 },
      link,
    });
    const used = [...split?.prefill ?? [], ...split?.decode ?? []].flat();
    expect(split?.prefill.map((group) => group.length)).toEqual([2]);
    expect(split?.decode.map((group) => group.length)).toEqual([1, 1]);
    expect(new Set(used).size).toBe(4);
  });

  test("gives up when there are too few", () => {
    const wish = {
      free: ids(3),
      counts: { prefill: 2, decode: 1 },
      sizes: { prefill: 1, decode: 2 },
      link: () => null,
    };
    expect(proposeSplit(wish)).toBeNull();
  });
});
