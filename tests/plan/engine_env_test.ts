import { expect, test } from "bun:test";
import { pdserveYaml } from "../../plan/dialects/pdserve_yaml/pdserve_yaml.ts";
import { noFlags } from "../../plan/flag_layer.ts";
import { layerSpec } from "../../plan/layer_spec.ts";
import { makePlan } from "../../plan/make_plan.ts";
import type { Planned } from "../../plan/plan.ts";
import type { Engine } from "../../supervisor/engines/engine.ts";
import { engines } from "../../supervisor/engines/index.ts";
import { around, machineOf } from "./wishes.ts";

function planOf(...lines: string[]): Planned {
  return planOn(engines.vllm, ...lines);
}

function planOn(engine: Engine, ...lines: string[]): Planned {
  const file = pdserveYaml.read(["model: demo", ...lines].join("\n"), "pdserve.yaml");
  expect(file.problems).toEqual([]);
  return makePlan(layerSpec({ flags: noFlags, env: {}, file: file.layer }).spec, machineOf(4), engine, around);
}

const envOf = (planned: Planned, name: string) =>
  planned.is === "planned" ? planned.plan.workers.find((worker) => worker.name === name)?.env ?? {} : {};

test("variables of pdserve.yaml reach the engines, those of a role over those of both", () => {
  const planned = planOf(
    "env: { NCCL_DEBUG: INFO, PLAIN: 1 }",
    "prefill: { env: { NCCL_DEBUG: WARN } }",
    "decode: { env: { ONLY: yes } }",
  );
  expect(envOf(planned, "prefill-0")).toMatchObject({ NCCL_DEBUG: "WARN", PLAIN: "1" });
  expect(envOf(planned, "decode-0")).toMatchObject({ NCCL_DEBUG: "INFO", PLAIN: "1", ONLY: "yes" });
  expect(envOf(planned, "prefill-0").ONLY).toBeUndefined();
});

test("a variable that tunes wins over the plan's own, one that says where a worker listens does not and is told", () => {
  const planned = planOf("env: { PYTHONUNBUFFERED: '0', VLLM_PORT: '1', VLLM_API_KEY: mine }");
  expect(envOf(planned, "decode-0").PYTHONUNBUFFERED).toBe("0");
  expect(envOf(planned, "decode-0").VLLM_PORT).not.toBe("1");
  const told = planned.is === "planned" ? planned.plan.problems : [];
  expect(told.map(({ what, where, severity }) => ({ what, where, severity }))).toEqual([
    { what: "Ignore the variable VLLM_PORT of the engines", where: "pdserve.yaml:2", severity: "warning" },
    { what: "Ignore the variable VLLM_API_KEY of the engines", where: "pdserve.yaml:2", severity: "warning" },
  ]);
});

test("a variable without a value is refused with its line", () => {
  const { problems } = pdserveYaml.read("env:\n  A:\n", "pdserve.yaml");
  expect(problems).toMatchObject([{ what: 'Cannot read "env"', where: "pdserve.yaml:2" }]);
});

test("SGLang's timeouts reach its workers, and a variable that it does not read is told", () => {
  const planned = planOn(
    engines["sim-sglang"],
    "env: { SGLANG_DISAGGREGATION_WAITING_TIMEOUT: 60, SGLANG_DISAGGREGATION_TRANSFER_TIMEOUT: 600 }",
  );
  expect(envOf(planned, "decode-0")).toMatchObject({ SGLANG_DISAGGREGATION_WAITING_TIMEOUT: "60" });
  const told = planned.is === "planned" ? planned.plan.problems : [];
  expect(told.map(({ what }) => what)).toEqual([
    "Ignore the variable SGLANG_DISAGGREGATION_TRANSFER_TIMEOUT of the engines",
  ]);
});
