import { describe, expect, test } from "bun:test";
import { errorsOf, typed, typedPlan } from "./typed.ts";

const line = "m --config pdserve.yaml";
const yaml = (text: string) => ({ "pdserve.yaml": text });

describe("groups of pdserve.yaml", () => {
  test("are laid out in their order, with arguments, variables and ports of their own", async () => {
    const text = `
args: [--enforce-eager]
prefill: { args: { max-num-seqs: 4 } }
fixed_ports: true
updates_weights: false
groups:
  - { role: prefill, gpus: [3, 1], gpus_per_worker: 2, ports: { http: 8300 } }
  - { role: placeholder, gpus: 1 }
  - { role: decode, gpus: 2, args: [--max-num-seqs 64], env: { A: "1" } }
`;
    expect((await typed(line, yaml(text))).rows).toEqual([
      "prefill-0 gpus 3,1 tp 2 --enforce-eager --max-num-seqs 4",
      "decode-0 gpus 2 tp 1 --enforce-eager --max-num-seqs 64",
      "decode-1 gpus 4 tp 1 --enforce-eager --max-num-seqs 64",
    ]);
    const { workers, updatesWeights } = await typedPlan(line, yaml(text));
    expect([workers[0]?.port, workers[1]?.userEnv, updatesWeights]).toEqual([8300, { A: "1" }, false]);
  });

  test("--tp and the like beside them are refused", async () => {
    const text = "groups: [{ role: prefill, gpus: 1 }, { role: decode, gpus: 1 }]";
    expect(errorsOf(await typed(`${line} --tp 2`, yaml(text)))).toEqual([
      "flag --tp Leave out --tp, or the pdserve.yaml topology",
    ]);
  });

  test.each([
    ["groups: 3", '"groups" must be a list'],
    ["groups: [3]", "A group must hold keys"],
    ["groups: [{ role: prefil, gpus: 1 }]", 'The role of a group cannot be "prefil"'],
    ["groups: [{ role: prefill, gpus: 0 }]", "Give the group its gpus"],
    ["groups: [{ role: prefill, gpus: [1, 1] }]", "Give the group its gpus"],
    ["groups: [{ role: prefill, gpus: 1, tpp: 1 }]", 'Unknown key "tpp" in a group'],
    ["groups: [{ role: prefill, gpus: 1, tp: two }]", 'tp cannot be "two"'],
    ["groups: [{ role: prefill, gpus: 1, ports: { http: 99999 } }]", "Cannot read the group's ports"],
    ["groups: [{ role: prefill, gpus: 1, args: 3 }]", `Cannot read the group's "args"`],
    ["groups: [{ role: prefill, gpus: 1, env: [a] }]", `Cannot read the group's "env"`],
    ["fixed_ports: 3", '"fixed_ports" must be true or false'],
  ])("%s is refused with its line", async (text, told) => {
    expect(errorsOf(await typed(line, yaml(text)))).toContain(`pdserve.yaml:1 ${told}`);
  });
});
