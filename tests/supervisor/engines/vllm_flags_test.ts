import { expect, test } from "bun:test";
import { setsFlag } from "../../../supervisor/engines/vllm_flags.ts";

test("setsFlag() knows each way in which vLLM lets a flag be written", () => {
  const spellings = ["--enforce-eager", "--enforce_eager", "--enforce-eager=true", "--no-enforce-eager"];
  for (const spelling of spellings) {
    expect([spelling, setsFlag([spelling], "--enforce-eager")]).toEqual([spelling, true]);
  }
  expect(setsFlag(["--compilation-config.mode", "3"], "--compilation-config")).toBe(true);
});

test("setsFlag() does not take a value or a longer flag for the flag", () => {
  expect(setsFlag(["--chat-template", "dtype"], "--dtype")).toBe(false);
  expect(setsFlag(["--dtype-x", "1"], "--dtype")).toBe(false);
});
