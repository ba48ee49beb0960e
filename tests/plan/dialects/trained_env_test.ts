import { expect, test } from "bun:test";
import { forTrainer } from "../../../plan/dialects/rollout/trained_env.ts";

const slime = { name: "slime", key: "sglang" } as const;
const model = { name: "actor", model: null, updatesWeights: null, origin: { is: "default" }, groups: [] } as const;

test("slime's variables go to the engines of a model that a trainer updates, but for those the user has set", () => {
  const names = (env: Readonly<Record<string, string>>) =>
    forTrainer(slime, model, "sglang", env).map(({ name }) => name);
  expect(names({})).toContain("SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION");
  expect(names({ SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION: "true" })).toHaveLength(names({}).length - 1);
});

test("a frozen model and another engine get none", () => {
  expect(forTrainer(slime, { ...model, updatesWeights: false }, "sglang", {})).toEqual([]);
  expect(forTrainer(slime, model, "vllm", {})).toEqual([]);
});
