import { describe, expect, test } from "bun:test";
import { errorsOf, typed, typedPlan } from "./typed.ts";

/** A file of one model with these groups, each a line of flow YAML. */
function model(...groups: string[]): Record<string, string> {
  return {
    "t.yaml": `vllm:\n  - name: actor\n    server_groups:\n${groups.map((one) => `      - ${one}\n`).join("")}`,
  };
}

const pair = ["{worker_type: prefill, num_gpus: 2}", "{worker_type: decode, num_gpus: 2}"];
const line = "m --vllm-config t.yaml";

describe("--vllm-config", () => {
  test("V5, V11, V24: sizes come from the group, then the model, then the line, and TP of the roles may differ", async () => {
    const text = `
vllm:
  - name: actor
    num_gpus_per_engine: 2
    server_groups:
      - {worker_type: prefill, num_gpus: 4}
      - {worker_type: decode, num_gpus: 4, num_gpus_per_engine: 4, overrides: {max_num_seqs: 64}}
`;
    expect((await typed(line, { "t.yaml": text })).rows).toEqual([
      "prefill-0 gpus 0,1 tp 2",
      "prefill-1 gpus 2,3 tp 2",
      "decode-0 gpus 4,5,6,7 tp 4 --max-num-seqs 64",
    ]);
    expect((await typed(`${line} --rollout-num-gpus-per-engine 2`, model(...pair))).rows).toEqual([
      "prefill-0 gpus 0,1 tp 2",
      "decode-0 gpus 2,3 tp 2",
    ]);
  });

  test("V13: several groups of one role with different TP are one pool", async () => {
    const groups = [...pair, "{worker_type: decode, num_gpus: 2, num_gpus_per_engine: 2}"];
    const { workers } = await typedPlan(line, model(...groups));
    expect(workers.map(({ name, tp }) => [name, tp])).toEqual([
      ["prefill-0", 1],
      ["prefill-1", 1],
      ["decode-0", 1],
      ["decode-1", 1],
      ["decode-2", 2],
    ]);
  });

  test("V7: regular groups alone are served without a split", async () => {
    const plan = await typedPlan(line, model("{worker_type: regular, num_gpus: 2}"));
    expect(plan.workers.map(({ name, role }) => [name, role])).toEqual([["regular-0", "regular"], [
      "regular-1",
      "regular",
    ]]);
    expect(plan.workers[0]?.argv).not.toContain("--kv-transfer-config");
  });

  test("V36: a placeholder keeps its GPUs and starts nothing", async () => {
    const groups = [pair[0] ?? "", "{worker_type: placeholder, num_gpus: 3}", pair[1] ?? ""];
    const { workers } = await typedPlan(line, model(...groups));
    expect(workers.map(({ gpus }) => gpus.join())).toEqual(["0", "1", "5", "6"]);
  });

  test("V10: engine_groups is read, an unknown key of a group is an error, of a model a warning", async () => {
    const old = { "t.yaml": "vllm:\n  - {name: a, engine_groups: [{worker_type: regular, num_gpus: 1}]}\n" };
    expect((await typed(line, old)).rows).toEqual(["regular-0 gpus 0 tp 1"]);
    const typo = model("{worker_type: prefill, num_gpu: 1}");
    expect(errorsOf(await typed(line, typo))).toEqual([
      't.yaml:4 Unknown key "num_gpu" in a server group',
      "t.yaml:4 Give the server group num_gpus",
    ]);
    const strange = {
      "t.yaml": "vllm:\n  - name: a\n    colour: red\n    server_groups: [{worker_type: regular, num_gpus: 1}]\n",
    };
    expect((await typed(line, strange)).told).toEqual(['warning t.yaml:3 Ignore the key "colour" of a model']);
  });

  test("V15: overrides are taken in both engines' spelling, and each translation is told", async () => {
    const overrides = "{context-length: 8192, disable_radix_cache: true, enable_torch_compile: true, max_num_seqs: 4}";
    const own = "{context_length: 8192, enable_prefix_caching: false}";
    const groups = [
      `{worker_type: prefill, num_gpus: 1, overrides: ${overrides}}`,
      `{worker_type: decode, num_gpus: 1, overrides: ${own}}`,
    ];
    const { rows, told } = await typed(line, model(...groups));
    expect(rows[0]).toBe("prefill-0 gpus 0 tp 1 --max-model-len 8192 --no-enable-prefix-caching --max-num-seqs 4");
    expect(told).toEqual([
      "warning t.yaml:4 Read context_length as --max-model-len 8192",
      "warning t.yaml:4 Read disable_radix_cache as --no-enable-prefix-caching",
      "warning t.yaml:4 Leave out enable_torch_compile",
      "warning t.yaml:5 Read context_length as --max-model-len 8192",
    ]);
  });

  test("V20: --rollout-num-gpus must be the sum of the groups", async () => {
    expect((await typed(`${line} --rollout-num-gpus 4`, model(...pair))).rows).toHaveLength(4);
    const wrong = await typed(`${line} --rollout-num-gpus 16`, model(...pair));
    expect(errorsOf(wrong)).toEqual([
      "flag --rollout-num-gpus --rollout-num-gpus 16 is not the 4 GPUs of the vime topology",
    ]);
  });

  test("V23: regular beside prefill or decode, and prefill alone, are refused", async () => {
    const mixed = await typed(line, model(...pair, "{worker_type: regular, num_gpus: 1}"));
    expect(errorsOf(mixed)).toEqual(['t.yaml:6 Do not mix regular with prefill or decode groups in "actor"']);
    expect(errorsOf(await typed(line, model(pair[0] ?? "")))).toEqual([
      't.yaml:2 Give the model "actor" a decode group',
    ]);
  });

  test("V12, V23: encoder groups stand beside prefill and decode or beside regular ones, never alone", async () => {
    const encoder = "{worker_type: encoder, num_gpus: 1}";
    const roles = async (...groups: string[]) =>
      (await typedPlan(`${line} --engine sim`, model(...groups))).workers.map(({ name, argv }) =>
        `${name}${argv.includes("--ec-transfer-config") ? " with embeddings" : ""}`
      );
    expect(await roles(encoder, "{worker_type: prefill, num_gpus: 1}", "{worker_type: decode, num_gpus: 1}")).toEqual([
      "encode-0 with embeddings",
      "prefill-0 with embeddings",
      "decode-0",
    ]);
    expect(await roles("{worker_type: regular, num_gpus: 1}", encoder)).toEqual([
      "regular-0 with embeddings",
      "encode-0 with embeddings",
    ]);
    expect(errorsOf(await typed(line, model(encoder)))).toEqual([
      't.yaml:4 Give the model "actor" a group that answers',
    ]);
  });

  test("V19, V28: the plan says whether a trainer updates the model", async () => {
    const of = async (text: string) => (await typedPlan(line, { "t.yaml": `vllm:\n  - ${text}\n` })).updatesWeights;
    const groups = "server_groups: [{worker_type: regular, num_gpus: 1}]";
    expect(await of(`{name: a, ${groups}}`)).toBe(true);
    expect(await of(`{name: a, model_path: org/judge, ${groups}}`)).toBe(false);
    expect(await of(`{name: a, update_weights: false, ${groups}}`)).toBe(false);
  });

  test("engines that a trainer updates get the variables vime gives them, frozen ones do not", async () => {
    const of = async (more: string) => {
      const text = `vllm:\n  - {name: a${more}, server_groups: [{worker_type: regular, num_gpus: 1}]}\n`;
      return (await typedPlan(line, { "t.yaml": text })).workers[0]?.userEnv;
    };
    expect(await of("")).toEqual({ VLLM_SERVER_DEV_MODE: "1", NCCL_CUMEM_ENABLE: "0" });
    expect(await of(", update_weights: false")).toEqual({});
  });

  test("one of several models is chosen, and the GPUs of the others stay free", async () => {
    const text = `
vllm:
  - {name: policy, server_groups: [{worker_type: prefill, num_gpus: 1}, {worker_type: decode, num_gpus: 1}]}
  - {name: judge, model_path: org/judge, server_groups: [{worker_type: regular, num_gpus: 1}]}
`;
    const files = { "t.yaml": text };
    expect(errorsOf(await typed(line, files))).toEqual(["t.yaml:4 Choose one of the models policy, judge"]);
    const judge = await typedPlan(`${line} --model-entry judge`, files);
    expect([judge.model, judge.workers[0]?.gpus]).toEqual(["org/judge", ["2"]]);
    expect(errorsOf(await typed(`${line} --model-entry juge`, files))).toEqual(['t.yaml:1 No model is called "juge"']);
  });

  test("a size that does not divide leaves GPUs idle, which is told", async () => {
    const groups = ["{worker_type: prefill, num_gpus: 3, num_gpus_per_engine: 2}", pair[1] ?? ""];
    const { rows, told } = await typed(line, model(...groups));
    expect(rows).toEqual(["prefill-0 gpus 0,1 tp 2", "decode-0 gpus 3 tp 1", "decode-1 gpus 4 tp 1"]);
    expect(told).toEqual(["warning t.yaml:4 1 of the GPUs for prefill stays idle"]);
  });

  test.each([
    ["{worker_type: prefil, num_gpus: 1}", 't.yaml:4 worker_type cannot be "prefil"'],
    ["{num_gpus: 1}", "t.yaml:4 Give the server group a worker_type"],
    ["{worker_type: prefill, num_gpus: 0}", 't.yaml:4 num_gpus cannot be "0"'],
    ["{worker_type: prefill, num_gpus: two}", 't.yaml:4 num_gpus cannot be "two"'],
    ["{worker_type: prefill, num_gpus: 2, overrides: [a]}", 't.yaml:4 "overrides" must hold engine settings'],
    [
      "{worker_type: prefill, num_gpus: 2, overrides: {tp_size: 3}}",
      "t.yaml:4 A prefill worker has 1 GPUs, but its parallel sizes make 3",
    ],
    [
      "{worker_type: prefill, num_gpus: 1, num_gpus_per_engine: 2}",
      "t.yaml:4 Cannot make a prefill worker of 2 GPUs out of 1",
    ],
    [
      "{worker_type: prefill, num_gpus: 2, overrides: {model_path: other}}",
      't.yaml:5 This group serves "MODEL", another of the model "other"',
    ],
    ["prefill", "t.yaml:4 A server group must hold keys"],
  ])("refuses %s with its line", async (group, told) => {
    expect(errorsOf(await typed(line, model(group, pair[1] ?? "")))).toContain(told);
  });

  test.each([
    ["", 't.yaml:1 List the models under "vllm:"'],
    ["sglang: []", 't.yaml:1 List the models under "vllm:"'],
    ["vllm: 3", 't.yaml:1 List the models under "vllm:"'],
    ["vllm: [{server_groups: []}]", "t.yaml:1 Give the model a name"],
    ["vllm: [{name: a, model_path: [b], engine_groups: []}]", 't.yaml:1 model_path cannot be "["b"]"'],
    ["vllm: [{name: a, update_weights: 'yes'}]", 't.yaml:1 update_weights cannot be "yes"'],
    ["vllm: [{name: a}]", 't.yaml:1 Give the model "a" a server group'],
  ])("refuses the file %j", async (text, told) => {
    expect(errorsOf(await typed(line, { "t.yaml": text }))).toContain(told);
  });
});

describe("--prefill-num-servers", () => {
  test("V8, V9: N servers of the engine's size prefill, and decode gets the rest", async () => {
    const args = "m --prefill-num-servers 1 --rollout-num-gpus 6 --rollout-num-gpus-per-engine 2";
    expect((await typed(args)).rows).toEqual([
      "prefill-0 gpus 0,1 tp 2",
      "decode-0 gpus 2,3 tp 2",
      "decode-1 gpus 4,5 tp 2",
    ]);
    expect(errorsOf(await typed("m --prefill-num-servers 2 --rollout-num-gpus 2"))).toEqual([
      "flag --prefill-num-servers --prefill-num-servers 2 leaves no GPUs for decode",
    ]);
    expect(errorsOf(await typed("m --prefill-num-servers 2"))).toHaveLength(1);
  });

  test("V21: it is refused beside a topology file, as upstream", async () => {
    const both = await typed(`${line} --prefill-num-servers 1`, model(...pair));
    expect(errorsOf(both)).toEqual([
      "flag --prefill-num-servers Give --vllm-config or --prefill-num-servers, not both",
    ]);
  });

  test("V31: --rollout-num-gpus 0 starts no worker, and needs URLs", async () => {
    const routed = await typedPlan("m --rollout-num-gpus 0 --prefill http://h:1 --decode http://h:2");
    expect(routed.workers.map(({ external }) => external)).toEqual(["http://h:1", "http://h:2"]);
    expect(errorsOf(await typed("m --rollout-num-gpus 0"))).toHaveLength(1);
  });
});

describe("a topology that is too big", () => {
  const groups = [
    "{worker_type: prefill, num_gpus: 4, num_gpus_per_engine: 2}",
    "{worker_type: decode, num_gpus: 12, num_gpus_per_engine: 4}",
  ];

  test("V18: is refused with its numbers, and --scale-to-node makes it fit", async () => {
    const { problems } = await typed(line, model(...groups));
    expect(problems).toMatchObject([{
      what: "Cannot place 16 GPUs' worth of workers on 8 GPUs",
      why: "the file asks for prefill 2×2 + decode 3×4 GPUs, and this machine has 8 GPUs",
      fix: "--scale-to-node, which makes it prefill 2×2 + decode 1×4 GPUs",
      where: "t.yaml:4",
    }]);
    const scaled = await typed(`${line} --scale-to-node`, model(...groups), 4);
    expect(scaled.rows).toEqual(["prefill-0 gpus 0,1 tp 2", "decode-0 gpus 2,3 tp 2"]);
    expect(scaled.told).toEqual(["warning t.yaml:4 Scale 16 GPUs down to 4: prefill 1×2 + decode 1×2 GPUs"]);
  });
});
