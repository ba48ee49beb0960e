// The phases of a recorded start-up and shutdown against a simulated engine's log: which lines, from whom, in which order.

import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { GOLDEN } from "./golden/transcript.ts";
import { type Sim, spawnSim, startSim, TEST_LIMIT_MS } from "./start_sim.ts";

setDefaultTimeout(TEST_LIMIT_MS);

/** Lines of the recordings that the simulator does not say: what they tell is not its business. */
const leftOut = [
  /triton|Triton|flop_counter|FutureWarning|hasattr|wrapper = |resource_tracker|warnings\.warn/, // Python packages
  /tcmalloc|libiomp|NUMA|OpenMP|OMP_THREADS|local_world_size|reserved_cpus|ulimit/, // the recording machine
  /Inductor|IR op priority|custom fusions|SSM cache|DP group leader|assigned as DP rank/, // the compiler, distribution
  /Initializing model took|Filesystem type|Auto-prefetch|Explicitly set|UCX_RCACHE|NIXL INFO/, // weights, UCX
  /^\(EngineCore\) WARNING vllm\.py:1703/, // said twice by the real one
  /Engine 000|GET \/|POST \/|OPTIONS \/|HTTP\/1\.1|KV Transfer metrics|compatibility check passed|Transfer plan/, // serving, not starting
  /ERROR|Got kv_transfer_params|Chat template rejected/,
  /force killing sub process|waiting for worker exit|Parent process exited/, // worker processes
  /^\d+a\d+/, // the recording is a diff
];

const startups = [
  { file: "single/startup_log.txt", args: ["--max-model-len", "512"], connector: undefined },
  { file: "nixl/startup_P.log", args: ["--max-model-len", "1024"], connector: nixl("kv_producer") },
  { file: "nixl/startup_D.log", args: ["--max-model-len", "1024"], connector: nixl("kv_consumer") },
];

for (const { file, args, connector } of startups) {
  test(`a simulated engine starts with the lines of ${file}`, async () => {
    const golden = lines(readFileSync(join(GOLDEN, file), "utf8"));
    const dummy = file.startsWith("single") ? [/safetensors checkpoint shards|Loading weights took/] : [];
    const sim = await startSim({
      args: ["--enforce-eager", "--kv-cache-memory-bytes", "67108864", ...args],
      connector,
    });
    await sim.stop();
    const own = lines(sim.log()).filter((line) => !dummy.some((pattern) => pattern.test(line)));
    expect(bySpeaker(own)).toEqual(bySpeaker(golden));
  });
}

test("a simulated engine stops on SIGTERM with the lines of single/sigterm_idle_log.txt and exit code 0", async () => {
  const golden = lines(readFileSync(join(GOLDEN, "single/sigterm_idle_log.txt"), "utf8"));
  const sim = await startSim();
  const started = sim.log().length;
  expect(await stopCode(sim)).toBe(0);
  const own = lines(sim.log().slice(started));
  const shutdown = (all: readonly string[]) => bySpeaker(all.filter((line) => line.includes("[shutdown]")));
  expect(shutdown(own)).toEqual(shutdown(golden));
  expect(own.at(-1)).toBe("INFO:     Application shutdown complete.");
});

test("without --enforce-eager the progress of graph capture redraws one line with carriage returns", async () => {
  const sim = await startSim();
  await sim.stop();
  expect(sim.log()).toMatch(/\rCapturing CUDA graphs \(decode, FULL\): 50%\|1\/2\rCapturing CUDA graphs/);
});

for (
  const [title, args, exitCode, text] of [
    [
      "an unknown flag",
      ["--no-such-flag"],
      2,
      "usage: vllm [-h] [-v]\nvllm: error: unrecognized arguments: --no-such-flag\n",
    ],
    [
      "an unknown dtype",
      ["--dtype", "float64"],
      2,
      "vllm serve: error: argument --dtype: invalid choice: 'float64' (choose from 'auto', 'bfloat16', 'float', 'float16', 'float32', 'half')",
    ],
    [
      "a connector without role",
      ["--kv-transfer-config", '{"kv_connector": "NixlConnector"}'],
      2,
      "Value error, Please specify kv_role when kv_connector is set, supported roles are ('kv_producer', 'kv_both', 'kv_consumer') [type=value_error, input_value={'kv_connector': 'NixlConnector'}, input_type=dict]",
    ],
    [
      "an unknown role",
      ["--kv-transfer-config", '{"kv_connector": "NixlConnector", "kv_role": "kv_prefill"}'],
      2,
      "kv_role\n  Input should be 'kv_producer', 'kv_both' or 'kv_consumer' [type=literal_error, input_value='kv_prefill', input_type=str]",
    ],
    [
      "half a JSON",
      ["--kv-transfer-config", '{"kv_connector":"NixlConnector","kv_role":"kv_producer"'],
      2,
      'Invalid JSON: EOF while parsing an object at line 1 column 55 [type=json_invalid, input_value=\'{"kv_connector":"NixlCon..."kv_role":"kv_producer"\', input_type=str]',
    ],
    [
      "an unknown policy",
      [
        "--kv-transfer-config",
        '{"kv_connector": "NixlConnector", "kv_role": "kv_producer", "kv_load_failure_policy": "retry"}',
      ],
      2,
      "kv_load_failure_policy\n  Input should be 'recompute' or 'fail' [type=literal_error, input_value='retry', input_type=str]",
    ],
    [
      "an unknown connector",
      ["--kv-transfer-config", '{"kv_connector": "FooConnector", "kv_role": "kv_both"}'],
      1,
      "Value error, Unsupported connector type: FooConnector",
    ],
    [
      "P2pNccl in 0.32",
      ["--kv-transfer-config", '{"kv_connector": "P2pNcclConnector", "kv_role": "kv_producer"}'],
      1,
      "Value error, Unsupported connector type: P2pNcclConnector",
    ],
    [
      "too little KV for one request",
      ["--kv-cache-memory-bytes", "500000"],
      1,
      "To serve at least one request with the model's max seq len (8192), (",
    ],
  ] as const
) {
  test(`${title} ends the start with exit code ${exitCode} and vLLM's words`, async () => {
    const sim = await spawnSim({ args });
    expect(await sim.exited).toBe(exitCode);
    expect(sim.log()).toContain(text);
  });
}

function nixl(role: string) {
  return { kv_connector: "NixlConnector", kv_role: role };
}

async function stopCode(sim: Sim): Promise<number> {
  sim.kill("SIGTERM");
  return await sim.exited;
}

/** `(EngineCore) INFO core.py:133 text`, without what changes from run to run; lines that are left out are gone. */
function lines(log: string): string[] {
  return log.split(/[\r\n]+/).map(normalLine).filter((line) => line !== "" && !leftOut.some((out) => out.test(line)));
}

/** Each process keeps its order; how two of them interleave is chance. */
function bySpeaker(all: readonly string[]): Record<string, readonly string[]> {
  return Object.groupBy(all, (line) => /^\((\w+)\)/.exec(line)?.[1] ?? "stderr") as Record<string, readonly string[]>;
}

function normalLine(line: string): string {
  return line
    .replace(/^\((\w+(?:-\d)?) pid=\d+\) (\w+) \d\d-\d\d [\d:]+ \[([^\]]+)\] ?/, "($1) $2 $3 ")
    .replace(/pid \d+$/, "pid <n>")
    .replace(/process \[\d+\]/, "process [<n>]")
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22,}/g, "<uuid>")
    .replace(/took [\d.]+ (s|seconds)$/, "took <n> $1")
    .replace(/(distributed_init_method=file:\/\/)\S+/, "$1<path>")
    .replace(/(http:\/\/127\.0\.0\.1):\d+/, "$1:<port>")
    .replace(/[\d.]+it\/s|\?it\/s/, "<n>it/s")
    .replace(/<\?|<00:00/, "<t")
    .replace(/Methods: (HEAD, GET|GET, HEAD)/, "Methods: GET, HEAD")
    .replace(/(non-default args: |with config: ).*/, "$1<args>")
    .trimEnd();
}
