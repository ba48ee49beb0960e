import { expect, test } from "bun:test";
import { completion, makeFakeFleet } from "./fake_fleet.ts";

const workers = ["prefill-0", "prefill-1", "decode-0", "decode-1"];

async function pairOf(target: string, allowTargetWorker = true, extra = {}): Promise<string> {
  const fleet = makeFakeFleet({ workers, settings: { allowTargetWorker } });
  const headers = { "x-smg-target-worker": target };
  const response = await fleet.post("/v1/completions", completion(extra), { headers });
  const { status, headers: told } = response;
  return `${status} ${told.get("x-pdserve-prefill") ?? "-"} ${told.get("x-pdserve-decode") ?? "-"}`;
}

test("where it is allowed a client names its pair, one of it, or an index", async () => {
  expect(await pairOf("prefill-1,decode-1")).toBe("200 prefill-1 decode-1");
  expect(await pairOf("decode-1")).toBe("200 prefill-0 decode-1");
  expect(await pairOf("1")).toBe("200 prefill-1 decode-1");
  expect(await pairOf("decode-1", true, { n: 2 })).toBe("200 - decode-1");
});

test("a worker that is not there is not replaced by another, and nothing but names is understood", async () => {
  expect(await pairOf("prefill-7")).toBe("503 - -");
  expect(await pairOf("9")).toBe("503 - -");
  expect(await pairOf("http://169.254.169.254/")).toBe("200 prefill-0 decode-0");
});

test("where it is not allowed the header changes nothing", async () => {
  expect(await pairOf("prefill-1,decode-1", false)).toBe("200 prefill-0 decode-0");
});
