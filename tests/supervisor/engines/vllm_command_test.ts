import { describe, expect, test } from "bun:test";
import { vllmCommand } from "../../../supervisor/engines/vllm_command.ts";
import { valueOf, workerInput } from "./worker_input.ts";

describe("vllmCommand()", () => {
  test("serves the model under its name on the planned port", () => {
    expect(vllmCommand(workerInput()).argv).toEqual([
      ...["vllm", "serve", "Qwen/Qwen3-8B", "--served-model-name", "qwen", "--host", "127.0.0.1", "--port", "8101"],
      ...["--disable-access-log-for-endpoints", "/health,/metrics"],
    ]);
  });

  test("puts other words in the place of vllm", () => {
    const { argv } = vllmCommand(workerInput({ command: ["uv", "run", "vllm"] }));
    expect(argv.slice(0, 5)).toEqual(["uv", "run", "vllm", "serve", "Qwen/Qwen3-8B"]);
  });

  test("gives the KV transfer configuration as one argument", () => {
    const kvTransferConfig = { kv_connector: "NixlConnector", kv_role: "kv_producer", extra: { quote: `it's "so"` } };
    const text = valueOf(vllmCommand(workerInput({ kvTransferConfig })).argv, "--kv-transfer-config");
    expect(JSON.parse(text ?? "")).toEqual(kvTransferConfig);
  });

  test("names parallel sizes only where they are not one", () => {
    const { argv } = vllmCommand(workerInput({ tp: 4, pp: 2, dp: 1 }));
    expect(valueOf(argv, "--tensor-parallel-size")).toBe("4");
    expect(valueOf(argv, "--pipeline-parallel-size")).toBe("2");
    expect(argv).not.toContain("--data-parallel-size");
  });

  test("puts the user's arguments last, after the connector's", () => {
    const { argv } = vllmCommand(workerInput({ wiringArgs: ["--block-size", "16"], userArgs: ["--block-size", "32"] }));
    expect(argv.slice(-4)).toEqual(["--block-size", "16", "--block-size", "32"]);
  });

  test("does not silence probes in versions that cannot", () => {
    expect(vllmCommand(workerInput({ engineVersion: "0.15.1" })).argv).not.toContain(
      "--disable-access-log-for-endpoints",
    );
    expect(vllmCommand(workerInput({ engineVersion: "unknown" })).argv).not.toContain(
      "--disable-access-log-for-endpoints",
    );
  });

  test("shows a worker its own GPUs by physical id in bus order", () => {
    const { env } = vllmCommand(workerInput({ gpus: ["2", "3"] }));
    expect(env).toMatchObject({ CUDA_VISIBLE_DEVICES: "2,3", CUDA_DEVICE_ORDER: "PCI_BUS_ID" });
  });

  test("keeps vLLM's own talk on the worker's address, and on loopback when it listens everywhere", () => {
    expect(vllmCommand(workerInput({ host: "127.0.0.1" })).env.VLLM_HOST_IP).toBe("127.0.0.1");
    expect(vllmCommand(workerInput({ host: "0.0.0.0" })).env.VLLM_HOST_IP).toBe("127.0.0.1");
  });

  test("sets VLLM_PORT to the planned internal port, so that an inherited one does no harm", () => {
    expect(vllmCommand(workerInput({ internalPort: 21_016 })).env.VLLM_PORT).toBe("21016");
    expect(vllmCommand(workerInput()).env).not.toHaveProperty("VLLM_PORT");
  });

  test("lets the connector's environment win over its own", () => {
    const { env } = vllmCommand(workerInput({ wiringEnv: { UCX_TLS: "tcp", VLLM_HOST_IP: "10.0.0.2" } }));
    expect(env).toMatchObject({ UCX_TLS: "tcp", VLLM_HOST_IP: "10.0.0.2" });
  });
});

describe("vllmCommand() on a CPU", () => {
  const onCpu = workerInput({ device: "cpu", gpus: ["cpu0"], cpuCores: 7, workersOnMachine: 2 });

  test("shares the cores out, unbound, so that two workers do not sit on the same ones", () => {
    const { env } = vllmCommand(onCpu);
    expect(env).toMatchObject({ VLLM_CPU_OMP_THREADS_BIND: "nobind", OMP_NUM_THREADS: "3" });
    expect(env).not.toHaveProperty("CUDA_VISIBLE_DEVICES");
  });

  test("gives each worker at least one thread", () => {
    expect(vllmCommand({ ...onCpu, cpuCores: 2, workersOnMachine: 4 }).env.OMP_NUM_THREADS).toBe("1");
  });

  test("limits the KV cache to a share of memory, because vLLM would take 92 % of it for each worker", () => {
    const bytesFor = (memoryBytes: number | null) =>
      Number(valueOf(vllmCommand({ ...onCpu, memoryBytes }).argv, "--kv-cache-memory-bytes"));
    expect(bytesFor(10 * 2 ** 30)).toBe(2 * 2 ** 30);
    expect(bytesFor(512 * 2 ** 30)).toBe(4 * 2 ** 30);
    expect(bytesFor(1)).toBe(64 * 2 ** 20);
    expect(bytesFor(null)).toBe(2 ** 30);
  });

  test("leaves the KV cache alone when the user has sized it, however the flag is spelt", () => {
    for (
      const userArgs of [["--kv-cache-memory-bytes", "9"], ["--kv_cache_memory_bytes=9"], [
        "--gpu-memory-utilization",
        "0.3",
      ]]
    ) {
      const sizes = vllmCommand({ ...onCpu, userArgs }).argv.filter((word) => /kv.cache.memory/.test(word));
      expect(sizes).toEqual(userArgs.filter((word) => /kv.cache.memory/.test(word)));
    }
  });
});
