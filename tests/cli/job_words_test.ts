// The flags of vime's and slime's launch lines, typed to pdserve.

import { describe, expect, test } from "bun:test";
import { typed, typedPlan } from "../plan/dialects/typed.ts";

const line = "--prefill-num-servers 1 --rollout-num-gpus 2";

describe("a job's own flags", () => {
  test("V34: --router-* flags are the router's, and one that has no counterpart is warned of", async () => {
    const { wish, told } = await typed(
      `m ${line} --router-policy round_robin --router-request-timeout-secs 60 --router-queue-size 9 --router-cb-failure-threshold 3`,
    );
    const { prefillPolicy, decodePolicy, requestTimeoutMs, maxQueue } = wish.spec.settings;
    expect([prefillPolicy, decodePolicy, requestTimeoutMs, maxQueue].map(({ value }) => value)).toEqual([
      "round_robin",
      "round_robin",
      60_000,
      9,
    ]);
    expect(told).toEqual(["warning flag --router-cb-failure-threshold Ignore --router-cb-failure-threshold"]);
  });

  test("V22: policies are known by the names of both routers, each translation told", async () => {
    const policyOf = async (name: string) => {
      const { wish, told } = await typed(`m ${line} --router-policy ${name}`);
      return [wish.spec.settings.prefillPolicy.value, told.length > 0];
    };
    expect(await policyOf("consistent_hash")).toEqual(["consistent_hash", false]);
    expect(await policyOf("consistent_hashing")).toEqual(["consistent_hash", true]);
    expect(await policyOf("cache_aware")).toEqual(["prefix_affinity", true]);
    expect(await policyOf("random")).toEqual(["power_of_two", true]);
    expect(await policyOf("unheard_of")).toEqual(["least_inflight", true]);
  });

  test("--vllm-X is vLLM's X, --sglang-X is translated, and --hf-checkpoint is MODEL", async () => {
    const args =
      "--hf-checkpoint org/m --vllm-max-num-seqs 8 --vllm-enforce-eager --sglang-context-length 4096 --sglang-enable-torch-compile";
    const { rows, told, planned } = await typed(`${line} ${args}`);
    expect(rows[0]).toBe("prefill-0 gpus 0 tp 1 --max-num-seqs 8 --enforce-eager --max-model-len 4096");
    expect(told).toEqual(["warning flag --sglang-enable-torch-compile Ignore --sglang-enable-torch-compile"]);
    expect(planned).toMatchObject({ plan: { model: "org/m" } });
  });

  test("the rollout's own limits become the engine's, and fault tolerance is told what watches here", async () => {
    const { rows, told } = await typed(`m ${line} --rollout-max-context-len 8192 --use-fault-tolerance`);
    expect(rows[0]).toBe("prefill-0 gpus 0 tp 1 --max-model-len 8192");
    expect(told).toEqual(["warning flag --use-fault-tolerance Ignore --use-fault-tolerance"]);
  });

  test("V35: the rollout's health checks set pdserve's probes", async () => {
    const flag = "--rollout-health-check";
    const { wish, told } = await typed(`m ${line} ${flag}-interval 10.0 ${flag}-timeout 5 ${flag}-first-wait=300`);
    const { probeIntervalMs, probeTimeoutMs, probeFirstWaitMs } = wish.spec.settings;
    expect([probeIntervalMs, probeTimeoutMs, probeFirstWaitMs].map(({ value, origin }) => [value, origin])).toEqual([
      [10_000, { is: "flag", flag: `${flag}-interval` }],
      [5_000, { is: "flag", flag: `${flag}-timeout` }],
      [300_000, { is: "flag", flag: `${flag}-first-wait` }],
    ]);
    expect(told).toEqual([]);
  });

  test("V2, V26, V27: a rollout's requests may be long and large: no wait below 14400 s, bodies up to 512 MB", async () => {
    const { wish } = await typed(`m ${line}`);
    const { requestTimeoutMs, prefillTimeoutMs, firstTokenTimeoutMs, idleTimeoutMs, maxBodyBytes } = wish.spec.settings;
    for (const { value } of [requestTimeoutMs, prefillTimeoutMs, firstTokenTimeoutMs, idleTimeoutMs]) {
      expect(value).toBe(14_400_000);
    }
    expect(maxBodyBytes.value).toBe(512 * 2 ** 20);
    expect((await typedPlan(`m ${line} --max-body-size 1g`)).workers).toHaveLength(2);
  });
});
