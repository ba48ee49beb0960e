import { describe, expect, test } from "bun:test";
import { flagValues, readFlags } from "../../plan/engine_flags.ts";

const known = { "--max-model-len": "value", "--enforce-eager": "switch", "-q": "value" } as const;

describe("flagValues()", () => {
  test.each<[string[], Record<string, string>]>([
    [["--max-model-len", "8192"], { "--max-model-len": "8192" }],
    [["--max_model_len=8k"], { "--max-model-len": "8k" }],
    [["--enforce-eager", "stray"], { "--enforce-eager": "true" }],
    [["--no-enable-prefix-caching"], { "--enable-prefix-caching": "false" }],
    [["--unknown", "a", "b", "--next"], { "--unknown": "a b", "--next": "true" }],
    [["--seed", "-1"], { "--seed": "-1" }],
    [["-dp", "2", "-q", "fp8"], { "--data-parallel-size": "2", "--quantization": "fp8" }],
    [["--compilation-config.max_size", "3"], { "--compilation-config.max_size": "3" }],
    [["--dtype", "half", "--dtype", "float"], { "--dtype": "float" }],
    [["stray", "words"], {}],
  ])("reads %j in vLLM's grammar", (words, flags) => {
    expect(flagValues(words, known)).toEqual(flags);
  });

  test("readFlags() keeps the words as written", () => {
    expect(readFlags(["--a_b", "1", "--c=2"], known).map(({ words }) => words)).toEqual([["--a_b", "1"], ["--c=2"]]);
  });
});
