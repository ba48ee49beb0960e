import { expect, test } from "bun:test";
import { newWorkerApiKey, workerEnvironment } from "../../supervisor/worker_env.ts";
import { fleetPlan } from "./small_fleet.ts";

const [worker] = fleetPlan(["prefill-0:8101"]).workers;
if (worker === undefined) throw new Error("no worker");
const input = {
  base: { PATH: "/bin", PDSERVE_API_KEY: "clients' own", CUDA_VISIBLE_DEVICES: "7" },
  worker: { ...worker, env: { CUDA_VISIBLE_DEVICES: "0" } },
  identity: { runId: "run", initPid: 7 },
  generation: 2,
  apiKey: "secret",
};

test("workerEnvironment() marks every process of a worker and keeps the mark readable", () => {
  expect(workerEnvironment(input)).toEqual({
    PATH: "/bin",
    CUDA_VISIBLE_DEVICES: "0",
    PDSERVE_RUN_ID: "run",
    PDSERVE_INIT_PID: "7",
    PDSERVE_WORKER: "prefill-0/2",
    SPT_NOENV: "1",
    VLLM_API_KEY: "secret",
  });
});

test("workerEnvironment() leaves the engine's own key alone when the run has none", () => {
  const env = workerEnvironment({ ...input, base: { VLLM_API_KEY: "user's" }, apiKey: null });
  expect(env.VLLM_API_KEY).toBe("user's");
});

test("newWorkerApiKey() is never the same", () => {
  expect(newWorkerApiKey()).not.toBe(newWorkerApiKey());
  expect(newWorkerApiKey()).toMatch(/^pdserve-[\w-]{32}$/);
});
