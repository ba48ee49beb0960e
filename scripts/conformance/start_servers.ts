// One plain engine, and pdserve with a pair of the same.

import { installRealVllm } from "../real_vllm/install.ts";

export interface Servers {
  readonly engine: string;
  /** URLs without `/v1`. */
  readonly plain: string;
  readonly pdserve: string;
  readonly model: string;
  stop(): Promise<void>;
}

export async function startServers(log: (line: string) => void): Promise<Servers> {
  const real = process.argv.includes("--sim") ? { is: "unavailable", reason: "--sim" } as const : installRealVllm(log);
  if (real.is === "installed") return await startReal(real.at);
  log(`a simulated engine instead of a real one: ${real.reason}`);
  return await startSimulated();
}

async function startReal(at: { readonly vllm: string; readonly model: string }): Promise<Servers> {
  process.env["PDSERVE_TEST_VLLM"] = at.vllm;
  process.env["PDSERVE_TEST_MODEL"] = at.model;
  // Only now: it reads both variables as it loads.
  const { startRealPair } = await import("../../tests/real/real_pair.ts");
  const pair = await startRealPair([]);
  return {
    engine: "vLLM 0.32.0 on the CPU, 1P1D over NixlConnector",
    plain: pair.plain,
    pdserve: pair.pdserve.url,
    model: at.model,
    stop: async () => void await pair.stop(),
  };
}

async function startSimulated(): Promise<Servers> {
  const { startPlainEngine } = await import("../../tests/e2e/plain_engine.ts");
  const { startPdserve } = await import("../../tests/e2e/run_pdserve.ts");
  const model = "demo-model";
  const plain = await startPlainEngine(model);
  const gpus = ["--prefill-gpus", "0", "--decode-gpus", "1"];
  const pdserve = await startPdserve([model, "--engine", "sim", "--port", "0", ...gpus]);
  return {
    engine: "simulated vLLM 0.32.0, 1P1D over NixlConnector",
    plain: plain.url,
    pdserve: pdserve.url,
    model,
    stop: async () => void await Promise.all([plain.stop(), pdserve.stop()]),
  };
}
