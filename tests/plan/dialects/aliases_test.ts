// Anchors, aliases and merge keys in any YAML file that is read.

import { describe, expect, test } from "bun:test";
import { errorsOf, typed } from "./typed.ts";

const line = "m --vllm-config t.yaml";

describe("YAML anchors", () => {
  test("aliases and merge keys stand for what they name, the map's own keys first", async () => {
    const text = `
vllm:
  - name: actor
    server_groups:
      - &group
        worker_type: prefill
        num_gpus: 1
        overrides: &common { max_num_seqs: 8, enforce_eager: true }
      - { <<: *group, worker_type: decode, overrides: { <<: [*common, { seed: 3 }], max_num_seqs: 16 } }
`;
    expect((await typed(line, { "t.yaml": text })).rows).toEqual([
      "prefill-0 gpus 0 tp 1 --max-num-seqs 8 --enforce-eager",
      "decode-0 gpus 1 tp 1 --max-num-seqs 16 --enforce-eager --seed 3",
    ]);
  });

  test.each([
    ["vllm: *gone", 't.yaml:1 Cannot resolve "vllm: *gone"'],
    ["vllm: &a [*a]", 't.yaml:1 Cannot resolve "vllm: &a [*a]"'],
  ])("%s is told with its line", async (text, told) => {
    expect(errorsOf(await typed(line, { "t.yaml": text }))).toEqual([told]);
  });

  test("a few lines of aliases that stand for billions of values are refused at once", async () => {
    const levels = Array.from(
      { length: 12 },
      (_, at) => `l${at + 1}: &l${at + 1} [${Array(10).fill(`*l${at}`).join(", ")}]`,
    );
    const bomb = ["l0: &l0 [1]", ...levels, "vllm: *l12"].join("\n");
    expect(errorsOf(await typed(line, { "t.yaml": bomb }))).toHaveLength(1);
  });
});
