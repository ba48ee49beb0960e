import { expect, test } from "bun:test";
import { whyUselessSglangVariable } from "../../../supervisor/engines/sglang_variables.ts";

test("variables of the disaggregation that SGLang reads pass, and so do all others of the engine", () => {
  for (const name of ["SGLANG_DISAGGREGATION_BOOTSTRAP_TIMEOUT", "SGLANG_DISAGG_STAGING_BUFFER", "NCCL_DEBUG"]) {
    expect(whyUselessSglangVariable(name)).toBeNull();
  }
});

test("a misspelt one is told with the nearest, and slime's own with what stands in for it", () => {
  expect(whyUselessSglangVariable("SGLANG_DISAGGREGATION_BOOTSTRAP_TIMOUT")).toBe(
    "SGLang reads no variable of that name; did you mean SGLANG_DISAGGREGATION_BOOTSTRAP_TIMEOUT?",
  );
  expect(whyUselessSglangVariable("SGLANG_DISAGGREGATION_TRANSFER_TIMEOUT")).toContain(
    "SGLANG_DISAGGREGATION_WAITING_TIMEOUT",
  );
});
