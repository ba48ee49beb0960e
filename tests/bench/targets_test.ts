import { expect, test } from "bun:test";
import { direct, summarise } from "../../bench/summarise.ts";
import { targetTable } from "../../bench/targets.ts";
import type { Sample } from "../../bench/sample.ts";

function sample(router: string, cpuUsPerRequest: number, ttftUs = 0): Sample {
  return {
    router,
    scenario: "saturation",
    requestsPerSecond: 1,
    cpuUsPerRequest,
    cpuUsPerChunk: cpuUsPerRequest,
    ttftUs: { p50: ttftUs, p99: ttftUs },
    chunkUs: { p50: 0, p99: 0 },
    memoryMb: 1,
    errors: 0,
    isNoisy: false,
  };
}

test("targetTable() ticks what is reached and leaves out peers that were not there", () => {
  const table = targetTable("pdserve", summarise([sample("pdserve", 30), sample("vllm-router", 100)]));
  expect(table).toContain("| CPU per request, 1 chunk | vllm-router | ≤ 0.35× | 0.30× | ✓ |");
  expect(table).not.toContain("smg");
  expect(targetTable("pdserve", summarise([sample("pdserve", 40), sample("vllm-router", 100)]))).not.toContain("✓");
});

test("summarise() takes medians and subtracts the direct path from times", () => {
  const samples = [sample("pdserve", 30, 500), sample("pdserve", 90, 700), sample("pdserve", 40, 600)];
  const [summary] = summarise([...samples, sample(direct, 0, 100)]);
  expect(summary).toMatchObject({ cpuUsPerRequest: 40, addedTtftUs: { p50: 500, p99: 500 }, repeats: 3 });
});
