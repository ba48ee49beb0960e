import { describe, expect, test } from "bun:test";
import { planJson } from "../../plan/plan_json.ts";
import { planFor } from "./wishes.ts";

describe("planJson()", () => {
  test("is schema 1 as promised, secrets masked", () => {
    const json = planJson(planFor({ flags: { pd: "1P1D" }, both: ["--hf-token", "hf_secret", "-dp", "2"] }));
    expect(json).toMatchObject({
      schema: 1,
      plan_id: expect.stringMatching(/^[0-9a-f]{6}$/),
      engine: { name: "vllm", version: "0.32.0" },
      connector: { name: "NixlConnector", reason: expect.any(String) },
      router: { host: "127.0.0.1", port: 8000 },
      problems: [],
    });
    expect(json.workers[0]).toMatchObject({
      name: "prefill-0",
      role: "prefill",
      gpus: ["0", "1"],
      port: 8100,
      ports: { side_channel: [5602, 5603] },
      argv: expect.arrayContaining(["vllm", "serve", "demo"]),
      env: { HF_TOKEN: "***", CUDA_VISIBLE_DEVICES: "0,1" },
      cwd: "/home/me",
    });
    expect(JSON.stringify(json)).not.toContain("hf_secret");
  });

  test("says why there is no plan", () => {
    expect(planJson(planFor({ model: null }))).toMatchObject({
      schema: 1,
      plan_id: null,
      workers: [],
      problems: [{
        what: "Name the model to serve",
        why: expect.any(String),
        fix: expect.any(String),
        where: "flag MODEL",
        severity: "error",
      }],
    });
  });
});
