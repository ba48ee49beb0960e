import { describe, expect, test } from "bun:test";
import { sim } from "../../supervisor/engines/sim.ts";
import { vllm } from "../../supervisor/engines/vllm.ts";
import { nextGeneration } from "../../plan/worker_command.ts";
import { findConnector } from "../../kv/index.ts";
import { machineOf, planFor, plannedFor, problemsOf } from "./wishes.ts";

const errorsOf = (...args: Parameters<typeof problemsOf>) =>
  problemsOf(...args).filter(({ severity }) => severity === "error");

/** The value of `--kv-transfer-config` of a worker. */
function kvConfig(argv: readonly string[]): Record<string, unknown> {
  return JSON.parse(argv[argv.indexOf("--kv-transfer-config") + 1] ?? "null");
}

describe("makePlan()", () => {
  test("gives each worker its GPUs, its role in the connector, and the user's arguments last", () => {
    const plan = plannedFor({
      ...{
        flags: { pd: "1P1D", servedModelName: "qwen" },
        both: ["--max-model-len", "8192"],
        decode: ["--max-num-seqs", "256"],
      },
    });
    const [prefill, decode] = plan.workers;
    expect(prefill).toMatchObject({
      name: "prefill-0",
      role: "prefill",
      gpus: ["0"],
      host: "127.0.0.1",
      external: null,
    });
    expect(prefill?.argv.slice(0, 3)).toEqual(["vllm", "serve", "demo"]);
    expect(prefill?.env).toMatchObject({ CUDA_VISIBLE_DEVICES: "0", VLLM_NIXL_SIDE_CHANNEL_HOST: "127.0.0.1" });
    expect(kvConfig(prefill?.argv ?? [])).toMatchObject({ kv_connector: "NixlConnector", kv_role: "kv_producer" });
    expect(kvConfig(decode?.argv ?? [])).toMatchObject({ kv_role: "kv_consumer", kv_load_failure_policy: "fail" });
    expect(decode?.argv.slice(-4)).toEqual(["--max-model-len", "8192", "--max-num-seqs", "256"]);
    expect(plan).toMatchObject({
      model: "demo",
      servedModelName: "qwen",
      device: "cuda",
      router: { host: "127.0.0.1", port: 8000 },
    });
    expect(plan.connector).toEqual({ name: "NixlConnector", reason: expect.stringContaining("nixl 1.5.1 imports") });
  });

  test("is the same plan, with the same id, for the same wish; only the run's nonce and folder differ", () => {
    const flags = { kvConnector: "NixlPushConnector", pd: "1P1D" };
    const [one, two] = [
      plannedFor({ flags }),
      plannedFor({ flags }, machineOf(4), { nonce: "ffff", sharedDir: "/other" }),
    ];
    expect(one.planId).toBe(two.planId);
    expect(one.workers[0]?.engineId).not.toBe(two.workers[0]?.engineId);
    expect(plannedFor({ flags, both: ["--enforce-eager"] }).planId).not.toBe(one.planId);
  });

  test("survives JSON unchanged", () => {
    const plan = plannedFor();
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
  });

  test("names an engine id only where the connector gives it to the engine", () => {
    expect(plannedFor({ flags: { kvConnector: "nixl" } }).workers[0]?.engineId).toBeNull();
    const push = plannedFor({ flags: { kvConnector: "nixl-push" } }).workers[0];
    expect(push?.engineId).toBe("prefill-0-1c9e");
    expect(kvConfig(push?.argv ?? []).engine_id).toBe("prefill-0-1c9e");
  });

  test("plans the simulator as this very binary, on any device, with the version it is told to play", () => {
    const plan = plannedFor({
      flags: { engine: "sim", kvConnector: "p2p-nccl" },
      both: ["--sim-vllm-version", "0.20.0"],
    }, machineOf(0));
    expect(plan.workers[0]?.argv.slice(0, 3)).toEqual(["/opt/pdserve", "sim-engine", "demo"]);
    expect(plan.engine).toMatchObject({ name: "sim", version: "0.20.0" });
    expect(plan.workers.map(({ ports }) => ports.kv_port?.length)).toEqual([1, 1]);
  });

  test("starts the engine by other words when told", () => {
    const plan = plannedFor({ flags: { engineCommand: "uv run 'my vllm'" } });
    expect(plan.workers[0]?.argv.slice(0, 4)).toEqual(["uv", "run", "my vllm", "serve"]);
    expect(errorsOf({ flags: { engineCommand: "uv 'run" } })).toMatchObject([{
      where: "flag --engine-command",
      exitCode: 2,
    }]);
  });

  test("takes the device from the engine's build, and refuses another", () => {
    const engine = { name: "vllm", version: "0.32.0", imports: { nixl: "1.5.1" }, device: "cpu" as const };
    const plan = plannedFor({ flags: { pd: "1P1D" } }, machineOf(0, { engine }));
    expect(plan.device).toBe("cpu");
    expect(plan.workers[0]?.env).toMatchObject({ UCX_TLS: "tcp", OMP_NUM_THREADS: "8" });
    expect(errorsOf({ flags: { device: "cuda" } }, machineOf(2, { engine }))).toMatchObject([{
      what: "Cannot run vllm 0.32.0 on --device cuda",
      fix: "--device cpu, or --engine-command with a build for cuda",
    }]);
  });

  test("needs a MODEL, and a path that is there", () => {
    expect(errorsOf({ model: null })).toMatchObject([{ what: "Name the model to serve", exitCode: 2 }]);
    expect(errorsOf({ model: "./tiny" }, machineOf(2), { modelExists: false }))
      .toMatchObject([{ what: 'Cannot find the model "./tiny"', where: "flag MODEL", exitCode: 2 }]);
    expect(errorsOf({ model: "./tiny" }, machineOf(2), { modelExists: true })).toEqual([]);
    expect(errorsOf({ model: "org/tiny" }, machineOf(2), { modelExists: false })).toEqual([]);
  });

  test("exits 69 when the engine is missing, and only then", () => {
    expect(errorsOf({}, machineOf(2, { engine: null }))).toMatchObject([{
      what: 'Cannot find vllm: "vllm" does not run here',
      exitCode: 69,
    }]);
    expect(errorsOf({ flags: { engine: "sim" } }, machineOf(0, { engine: null }))).toEqual([]);
  });

  test("does not add guesses to a missing engine: no device, no connector", () => {
    const flags = { kvConnector: "P2pNcclConnector" };
    expect(errorsOf({ flags }, machineOf(0, { engine: null }))).toMatchObject([{ exitCode: 69 }]);
    const both = errorsOf({ flags: { ...flags, pd: "x" } }, machineOf(0, { engine: null }));
    expect(both.map(({ exitCode }) => exitCode)).toEqual([69, 2]);
  });

  test("assumes a version for another box, and says so", () => {
    const machine = machineOf(8, { engine: null, gpuSource: "given", source: "8xH100" });
    expect(planFor({}, machine).is).toBe("planned");
    expect(problemsOf({}, machine)).toMatchObject([{ severity: "warning", what: expect.stringContaining("8xH100") }]);
  });

  test("exits 69 when the connector does not import, 2 when this version does not have it", () => {
    const engine = { name: "vllm", version: "0.32.0", imports: { nixl: null }, device: null };
    expect(errorsOf({ flags: { kvConnector: "nixl" } }, machineOf(2, { engine })))
      .toMatchObject([{
        what: expect.stringContaining('"nixl"'),
        exitCode: 69,
        where: "flag --kv-connector",
      }]);
    expect(errorsOf({ flags: { kvConnector: "P2pNcclConnector" } }))
      .toMatchObject([{ what: "P2pNcclConnector does not exist in vLLM 0.32.0", exitCode: 2 }]);
  });

  test("runs an unknown connector with a warning", () => {
    const planned = planFor({ flags: { kvConnector: "MyConnector" } });
    expect(planned).toMatchObject({ is: "planned", plan: { connector: { name: "MyConnector" } } });
    expect(problemsOf({ flags: { kvConnector: "MyConnector" } })).toMatchObject([{ severity: "warning" }]);
  });

  test("asks the connector about the whole topology", () => {
    expect(
      errorsOf({ flags: { prefillGpus: "0,1,2", prefillTp: "3", decodeGpus: "3,4", decodeTp: "2" } }, machineOf(6)),
    )
      .toMatchObject([{ what: "NixlConnector cannot pair prefill TP 3 with decode TP 2", where: "default" }]);
  });

  test.each([
    ["--port", ["--port", "1"]],
    ["--kv-transfer-config.kv_role", ["--kv-transfer-config.kv_role", "kv_both"]],
    ["--tensor_parallel_size=2", ["--tensor_parallel_size=2"]],
    ["-tp", ["-tp", "2"]],
  ])("refuses %s among the engine's arguments, with the plan's reason", (_flag, words) => {
    const errors = errorsOf({ both: words });
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({
      why: expect.stringContaining("is set by pdserve"),
      fix: `leave out ${words.join(" ")}`,
      exitCode: 2,
    });
  });

  test("refuses flags that differ where they must agree, once, unless --allow-mismatch", () => {
    const wish = { prefill: ["--dtype", "float16"], decode: ["--dtype=bfloat16"] };
    expect(errorsOf(wish)).toMatchObject([{
      what: '--dtype differs: "float16" for prefill, "bfloat16" for decode',
      fix: "--dtype float16, or --allow-mismatch",
    }]);
    expect(problemsOf({ ...wish, flags: { allowMismatch: "true" } }).map(({ severity }) => severity)).toEqual([
      "warning",
    ]);
    expect(errorsOf({ decode: ["--block-size", "32"] })[0]?.what)
      .toBe('--block-size differs: the engine\'s default for prefill, "32" for decode');
  });

  test("tells all problems at once", () => {
    const errors = errorsOf({
      ...{ model: null, both: ["--port", "1", "-dp", "two"], decode: ["--dtype", "half"] },
      flags: { prefillGpus: "0", decodeGpus: "0", kvConnector: "P2pNcclConnector", port: "8000", strictPort: "true" },
    }, machineOf(2, { busyPorts: [{ port: 8000, pid: 1, name: "x" }] }));
    expect(errors.map(({ what }) => what.split(" ").slice(0, 2).join(" "))).toEqual([
      "Name the",
      "--data-parallel-size cannot",
      "GPU 0",
      "Remove --port",
      "--dtype differs:",
      "Cannot listen",
      "P2pNcclConnector does",
    ]);
  });

  test("warns of memory in use, by whom, and with the share that would fit", () => {
    const machine = machineOf(2);
    const held = {
      ...machine.gpus[1]!,
      freeBytes: 40 * 2 ** 30,
      holders: [{ pid: 40121, name: "python", bytes: 40 * 2 ** 30 }],
    };
    const busy = { ...machine, gpus: [machine.gpus[0]!, held] };
    expect(problemsOf({ flags: { prefillGpus: "0", decodeGpus: "1" } }, busy)).toMatchObject([{
      what: "GPU 1 of decode-0 has 40.0 of 80.0 GiB free, 0.92 of it is asked",
      why: "held by python (pid 40121) 40.0 GiB",
      fix: "stop what holds it, or --decode.gpu-memory-utilization 0.48",
      severity: "warning",
    }]);
    expect(
      problemsOf({ flags: { prefillGpus: "0", decodeGpus: "1" }, decode: ["--gpu-memory-utilization", "0.4"] }, busy),
    ).toEqual([]);
  });

  test("warns of a pair without NVLink or peer access", () => {
    const machine = machineOf(2, { noPeerAccess: [["1", "0"]] }, "SYS");
    expect(problemsOf({}, machine)).toMatchObject([{
      what: "Expect slow handoffs between GPUs 0–1",
      severity: "warning",
    }]);
  });

  test("keeps a Hugging Face token out of the argument list", () => {
    const plan = plannedFor({ both: ["--hf-token", "hf_secret", "--seed", "1"] });
    expect(JSON.stringify(plan.workers.map(({ argv }) => argv))).not.toContain("hf_secret");
    expect(plan.workers.map(({ env }) => env.HF_TOKEN)).toEqual(["hf_secret", "hf_secret", "hf_secret", "hf_secret"]);
  });
});

describe("nextGeneration()", () => {
  test("rebuilds the command with a new engine id and new ports, and changes nothing else", () => {
    const flags = { engine: "sim", kvConnector: "NixlPushConnector" };
    const plan = plannedFor({ flags, both: ["--max-num-seqs", "4"] }, machineOf(0));
    const first = plan.workers[0]!;
    const { connector } = findConnector("NixlPushConnector");
    const ports = { http: [9100], side_channel: [9600] };
    const next = nextGeneration(plan, first, { engineId: "prefill-0-2", ports }, sim, connector);
    expect(next).toMatchObject({ name: "prefill-0", engineId: "prefill-0-2", port: 9100, ports });
    expect(kvConfig(next.argv).engine_id).toBe("prefill-0-2");
    expect(next.argv).toContain("9100");
    expect(next.env.VLLM_NIXL_SIDE_CHANNEL_PORT).toBe("9600");
    const back = nextGeneration(plan, next, { engineId: "prefill-0-1c9e", ports: first.ports }, sim, connector);
    expect(back).toEqual(first);
  });

  test("builds the very same worker from a plan read back from JSON", () => {
    const plan = plannedFor({ flags: { kvConnector: "nixl-push" } });
    const read: typeof plan = JSON.parse(JSON.stringify(plan));
    const worker = read.workers[0]!;
    const { connector } = findConnector("nixl-push");
    expect(nextGeneration(read, worker, { engineId: worker.engineId ?? "" }, vllm, connector)).toEqual(
      plan.workers[0]!,
    );
  });
});
