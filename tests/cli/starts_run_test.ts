import { describe, expect, test } from "bun:test";
import { startsRun } from "../../cli/starts_run.ts";

const says = (line: string, env: Record<string, string> = {}) => startsRun(line.split(" ").filter(Boolean), env);

describe("startsRun()", () => {
  test.each([
    "Qwen/Qwen3-32B --prefill-gpus 0,1 --decode-gpus 2,3",
    "up demo-model --engine sim",
    "--engine sim demo-model -- --max-model-len 1024",
    "--prefill http://a:1 --decode http://b:2",
    "@ infer.toml",
  ])("%s starts a run", (line) => expect(says(line)).toBe(true));

  test.each([
    "",
    "plan demo-model",
    "demo",
    "help up",
    "up --help",
    "-h",
    "--version",
    "demo-model --dry-run",
    "demo-model --dry-run=true",
    "demo-model --detach",
    "status",
    "pdjob --config=job.yaml",
    "sim-engine demo-model",
    "__core demo-model",
  ])("%p has to be read first", (line) => expect(says(line)).toBe(false));

  test("settings of the environment that start nothing here are seen", () => {
    expect(says("demo-model", { PDSERVE_DRY_RUN: "1" })).toBe(false);
    expect(says("demo-model", { PDSERVE_DETACH: "1" })).toBe(false);
    expect(says("demo-model", { PDSERVE_PORT: "1" })).toBe(true);
  });
});
