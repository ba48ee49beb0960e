// A real pair under pdserve and a plain real vLLM beside it, to compare with.
//
// The plain one is a third process on purpose: asking the same decode worker again proves nothing, since it answers from the blocks it
// has just pulled.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { freePort } from "../e2e/plain_engine.ts";
import { answers, counter } from "./read_engine.ts";
import { killRun, processesOf, type RunningPdserve, startPdserve } from "../e2e/run_pdserve.ts";

export const vllm = process.env["PDSERVE_TEST_VLLM"] ?? "";
export const model = process.env["PDSERVE_TEST_MODEL"] ?? "";

export interface RealPair {
  readonly pdserve: RunningPdserve;
  /** URL of the plain vLLM, without `/v1`. */
  readonly plain: string;
  readonly prefill: WorkerAddress;
  readonly decode: WorkerAddress;
  /** Stops everything and returns the processes that were left; an honest end is an empty list. */
  stop(): Promise<readonly number[]>;
}

export interface WorkerAddress {
  readonly name: string;
  readonly pid: number;
  readonly url: string;
}

export async function startRealPair(args: readonly string[], env: Environment = {}): Promise<RealPair> {
  const starting = startPlainVllm();
  try {
    return await besidePlain(args, env, starting);
  } catch (error) {
    await (await starting).stop();
    throw error;
  }
}

/** Further variables of pdserve, and so of its workers. */
type Environment = Readonly<Record<string, string>>;

async function besidePlain(
  args: readonly string[],
  moreEnv: Environment,
  starting: ReturnType<typeof startPlainVllm>,
): Promise<RealPair> {
  const env = { ...moreEnv, PATH: `${dirname(vllm)}:${process.env["PATH"]}` };
  const pdserve = await startPdserve([
    model,
    "--device",
    "cpu",
    "--pd",
    "1P1D",
    "--port",
    String(await freePort()),
    // The rounding of bfloat16 depends on how many tokens are computed at once, and so would the answers.
    "--dtype",
    "float32",
    // Room for 65536 tokens; without it each rank takes gigabytes of what the tests' other processes need too.
    "--kv-cache-memory-bytes",
    "67108864",
    ...args,
  ], {
    env,
  });
  const plain = await starting.catch((error) => {
    killRun(pdserve.runId);
    throw error;
  });
  const run = JSON.parse(readFileSync(join(pdserve.runDir, "run.json"), "utf8"));
  const address = (name: string): WorkerAddress => {
    const worker = run.workers.find((each: { name: string }) => each.name === name);
    return { name, pid: worker.pid, url: `http://127.0.0.1:${worker.port}` };
  };
  let stopping: Promise<readonly number[]> | null = null;
  return {
    pdserve,
    plain: plain.url,
    prefill: address("prefill-0"),
    decode: address("decode-0"),
    stop: () => stopping ??= stopBoth(pdserve, plain),
  };
}

async function stopBoth(pdserve: RunningPdserve, plain: { stop(): Promise<void> }): Promise<readonly number[]> {
  await Promise.all([pdserve.stop(), plain.stop()]);
  const left = processesOf(pdserve.runId);
  killRun(pdserve.runId);
  return left;
}

async function startPlainVllm() {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "plain-vllm-"));
  const log = join(folder, "log");
  const child = Bun.spawn(
    [
      vllm,
      "serve",
      model,
      "--host",
      "127.0.0.1",
      "--port",
      String(port),
      "--enforce-eager",
      "--dtype",
      "float32",
      "--kv-cache-memory-bytes",
      "67108864",
    ],
    {
      detached: true,
      env: {
        ...process.env,
        HF_HUB_OFFLINE: "1",
        VLLM_NO_USAGE_STATS: "1",
        VLLM_HOST_IP: "127.0.0.1",
        VLLM_CPU_OMP_THREADS_BIND: "nobind",
        OMP_NUM_THREADS: "1",
      },
      stdin: "ignore",
      stdout: Bun.file(log),
      stderr: Bun.file(log),
    },
  );
  const url = `http://127.0.0.1:${port}`;
  while (!await answers(`${url}/health`)) {
    if (child.exitCode !== null) throw new Error(`the plain vLLM ended:\n${readFileSync(log, "utf8").slice(-3_000)}`);
    await Bun.sleep(200);
  }
  return {
    url,
    stop: async () => {
      process.kill(-child.pid, "SIGKILL");
      await child.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Tokens a worker got for prompts, by where they came from. */
export async function promptTokens(worker: WorkerAddress) {
  const of = (source: string) => counter(worker.url, "vllm:prompt_tokens_by_source_total", `source="${source}"`);
  const [computed, cached, transferred] = [
    await of("local_compute"),
    await of("local_cache_hit"),
    await of("external_kv_transfer"),
  ];
  return { computed, cached, transferred };
}
