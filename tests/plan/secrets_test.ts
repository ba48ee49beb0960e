import { describe, expect, test } from "bun:test";
import { isSecretName, maskArgv, maskEnv, withdrawSecrets } from "../../plan/secrets.ts";

describe("secrets", () => {
  test.each([["HF_TOKEN", true], ["VLLM_API_KEY", true], ["AWS_SECRET_ACCESS_KEY", true], [
    "CUDA_VISIBLE_DEVICES",
    false,
  ], ["TOKENIZER", false]])(
    "isSecretName(%s) is %p",
    (name, secret) => {
      expect(isSecretName(name)).toBe(secret);
    },
  );

  test("maskEnv() and maskArgv() hide values and keep everything else", () => {
    expect(maskEnv({ HF_TOKEN: "hf_x", PATH: "/bin" })).toEqual({ HF_TOKEN: "***", PATH: "/bin" });
    expect(maskArgv(["vllm", "--hf-token", "hf_x", "--api_key=k", "--max-num-batched-tokens", "8"]))
      .toEqual(["vllm", "--hf-token", "***", "--api_key=***", "--max-num-batched-tokens", "8"]);
  });

  test("withdrawSecrets() moves a token from the arguments to the environment", () => {
    expect(withdrawSecrets(["--a", "--hf-token", "x", "--b"])).toEqual({
      args: ["--a", "--b"],
      env: { HF_TOKEN: "x" },
    });
    expect(withdrawSecrets(["--hf_token=x=y"])).toEqual({ args: [], env: { HF_TOKEN: "x=y" } });
    expect(withdrawSecrets(["--a", "1"])).toEqual({ args: ["--a", "1"], env: {} });
  });
});
