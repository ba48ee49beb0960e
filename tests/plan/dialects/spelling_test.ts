// Overrides of a topology file in the words of the engine that runs: its own names as they are, the other engine's translated.

import { describe, expect, test } from "bun:test";
import { slime } from "../../../plan/dialects/rollout/slime.ts";
import { vime } from "../../../plan/dialects/rollout/vime.ts";

const file = (key: string, overrides: string) =>
  `${key}:\n  - name: a\n    server_groups: [{worker_type: regular, num_gpus: 1, overrides: {${overrides}}}]\n`;

function read(dialect: typeof slime, engine: string, overrides: string) {
  const key = dialect.name === "vime" ? "vllm" : "sglang";
  const { layer, problems } = dialect.read(file(key, overrides), "t.yaml", { engine });
  return {
    words: layer.layout?.groups[0]?.args.map(({ words }) => words.join(" ")) ?? [],
    engine: layer.sayings.find((saying) => saying.key === "engine")?.text,
    told: problems.map(({ what }) => what),
  };
}

describe("V1, V15: a topology file", () => {
  test("for SGLang engines keeps SGLang's names, without a word", () => {
    const overrides =
      "chunked_prefill_size: 8192, mem-fraction-static: 0.88, enable_torch_compile: true, disable_radix_cache: false";
    expect(read(slime, "sglang", overrides)).toEqual({
      words: ["--chunked-prefill-size 8192", "--mem-fraction-static 0.88", "--enable-torch-compile"],
      engine: "sglang",
      told: [],
    });
    expect(read(slime, "sim-sglang", overrides).words).toHaveLength(3);
  });

  test("for SGLang engines says vLLM's names in SGLang's, each told", () => {
    const { words, told } = read(
      vime,
      "sglang",
      "gpu_memory_utilization: 0.8, enforce_eager: true, enable_prefix_caching: true",
    );
    expect(words).toEqual(["--mem-fraction-static 0.8", "--disable-cuda-graph"]);
    expect(told).toEqual([
      "Read gpu_memory_utilization as --mem-fraction-static 0.8",
      "Read enforce_eager as --disable-cuda-graph",
      'Nothing to say for enable_prefix_caching: "true"',
    ]);
  });

  test("for vLLM engines says SGLang's names in vLLM's, each told", () => {
    const { words, told } = read(slime, "vllm", "mem_fraction_static: 0.88, max_num_seqs: 4");
    expect(words).toEqual(["--gpu-memory-utilization 0.88", "--max-num-seqs 4"]);
    expect(told).toEqual(["Read mem_fraction_static as --gpu-memory-utilization 0.88"]);
  });
});
