import { expect, test } from "bun:test";
import { mergeMetrics } from "../../router/merge_metrics.ts";

const text = (value: number) =>
  `# HELP vllm:time Seconds.
# TYPE vllm:time histogram
vllm:time_bucket{engine="0",le="+Inf"} ${value}
vllm:time_sum{engine="0"} ${value}
# HELP up Whether.
# TYPE up gauge
up ${value}
stray_total{} ${value}
`;

test("each series is told once, with the samples of all workers behind it", () => {
  const merged = mergeMetrics([
    { worker: "prefill-0", role: "prefill", text: text(1) },
    { worker: "decode-0", role: "decode", text: text(2) },
  ]);
  expect(merged.split("\n")).toEqual([
    "# HELP vllm:time Seconds.",
    "# TYPE vllm:time histogram",
    'vllm:time_bucket{worker="prefill-0",role="prefill",engine="0",le="+Inf"} 1',
    'vllm:time_sum{worker="prefill-0",role="prefill",engine="0"} 1',
    'vllm:time_bucket{worker="decode-0",role="decode",engine="0",le="+Inf"} 2',
    'vllm:time_sum{worker="decode-0",role="decode",engine="0"} 2',
    "# HELP up Whether.",
    "# TYPE up gauge",
    'up{worker="prefill-0",role="prefill"} 1',
    'up{worker="decode-0",role="decode"} 2',
    'stray_total{worker="prefill-0",role="prefill"} 1',
    'stray_total{worker="decode-0",role="decode"} 2',
    "",
  ]);
});

test("nothing and nonsense make no series", () => {
  expect(mergeMetrics([])).toBe("");
  expect(mergeMetrics([{ worker: "w", role: "r", text: "\n\nnonsense\n# a comment\n" }])).toBe("");
});
