import { expect, test } from "bun:test";
import { defaultSimulatedVersion, sim } from "../../../supervisor/engines/sim.ts";
import { simFlags } from "../../../supervisor/engines/sim_flags.ts";
import { simFlags as flagsOfTheSimulator } from "../../../sim/settings/sim_flags.ts";
import { valueOf, workerInput } from "./worker_input.ts";

const self = ["/usr/bin/pdserve"];

test("the simulator is started by pdserve itself with vLLM's own words", () => {
  const { argv } = sim.command(workerInput({
    command: self,
    tp: 2,
    kvTransferConfig: { kv_connector: "NixlConnector" },
    userArgs: ["--sim-vllm-version", "0.20.0"],
  }));
  expect(argv.slice(0, 3)).toEqual([...self, "sim-engine", "Qwen/Qwen3-8B"]);
  expect(valueOf(argv, "--port")).toBe("8101");
  expect(valueOf(argv, "--tensor-parallel-size")).toBe("2");
  expect(valueOf(argv, "--kv-transfer-config")).toBe(`{"kv_connector":"NixlConnector"}`);
  expect(argv.slice(-2)).toEqual(["--sim-vllm-version", "0.20.0"]);
});

test("the simulator gets the connector's environment and no device", () => {
  const { env } = sim.command(workerInput({ command: self, wiringEnv: { VLLM_NIXL_SIDE_CHANNEL_PORT: "5600" } }));
  expect(env.VLLM_NIXL_SIDE_CHANNEL_PORT).toBe("5600");
  expect(env).not.toHaveProperty("CUDA_VISIBLE_DEVICES");
});

test("the simulated version is the last one asked for, however it is written", () => {
  expect(sim.impliedVersion?.([])).toBe(defaultSimulatedVersion);
  expect(sim.impliedVersion?.(["--sim-vllm-version", "0.12.0"])).toBe("0.12.0");
  expect(sim.impliedVersion?.(["--sim-vllm-version", "0.12.0", "--sim-vllm-version=0.22.1"])).toBe("0.22.1");
});

test("the flags that pass to the simulator are the ones it has, and take a value where it wants one", () => {
  const has = flagsOfTheSimulator.map(({ name, value }) => [`--sim-${name}`, value === null ? "switch" : "value"]);
  expect(Object.entries(simFlags).sort()).toEqual(has.sort() as [string, "value" | "switch"][]);
});
