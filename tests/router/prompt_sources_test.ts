// What engines' own pages say of where a prompt came from.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { promptSourcesOf } from "../../router/prompt_sources.ts";
import { sglang } from "../../supervisor/engines/sglang.ts";
import { vllm } from "../../supervisor/engines/vllm.ts";

const sglangPage = (side: "P" | "D") =>
  readFileSync(new URL(`../fixtures/sglang-golden/nixl/metrics_after_${side}.txt`, import.meta.url), "utf8");

test("a real SGLang decode worker has computed no prompt token, and says so by silence", () => {
  const page = sglangPage("D");
  expect(page).not.toContain('mode="prefill_compute"');
  expect(promptSourcesOf(page, sglang.metrics).recomputed).toBe(0);
  expect(promptSourcesOf(page, sglang.metrics).moved).toBeGreaterThan(900);
});

test("what a real SGLang prefill worker computed is told by the mode", () => {
  expect(promptSourcesOf(sglangPage("P"), sglang.metrics)).toEqual({ moved: null, recomputed: 374 });
});

test("vLLM tells both by the source, or neither where it is older", () => {
  const line = (source: string, count: number) => `vllm:prompt_tokens_by_source_total{source="${source}"} ${count}.0`;
  const page = [line("external_kv_transfer", 30), line("local_compute", 4)].join("\n");
  expect(promptSourcesOf(page, vllm.metrics)).toEqual({ moved: 30, recomputed: 4 });
  expect(promptSourcesOf("", vllm.metrics)).toEqual({ moved: null, recomputed: null });
});
