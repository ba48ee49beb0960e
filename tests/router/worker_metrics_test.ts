import { expect, test } from "bun:test";
import { sumOf } from "../../router/worker_metrics.ts";

const text = `# TYPE vllm:prompt_tokens_by_source_total counter
vllm:prompt_tokens_by_source_total{engine="0",source="local_compute"} 5.0
vllm:prompt_tokens_by_source_total{engine="0",source="external_kv_transfer"} 315.0
vllm:prompt_tokens_by_source_total{engine="1",source="external_kv_transfer"} 1e2
vllm:prompt_tokens_by_source_created{engine="0",source="external_kv_transfer"} 1.79e+09
vllm:nixl_bytes_transferred_bucket{engine="0",le="+Inf"} 3.0
vllm:nixl_bytes_transferred_sum{engine="0"} 393216.0
up 1
`;

test("sumOf() adds a counter over all engines of a server, and nothing of its like", () => {
  expect(sumOf(text, "vllm:prompt_tokens_by_source", 'source="external_kv_transfer"')).toBe(415);
  expect(sumOf(text, "vllm:prompt_tokens_by_source")).toBe(420);
});

test("sumOf() reads a histogram's sum by either name", () => {
  expect(sumOf(text, "vllm:nixl_bytes_transferred_sum")).toBe(393_216);
  expect(sumOf(text, "vllm:nixl_bytes_transferred")).toBe(393_216);
});

test("sumOf() tells an absent series from one at zero", () => {
  expect(sumOf(text, "vllm:nothing")).toBeNull();
  expect(sumOf("x 0\n", "x")).toBe(0);
});
