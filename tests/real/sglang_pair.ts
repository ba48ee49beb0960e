// slime's sample topology, scaled to one prefill and one decode worker, on real SGLang processes, and a plain real SGLang
// beside it to compare with.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../e2e/plain_engine.ts";
import { answers } from "./read_engine.ts";
import { killRun, processesOf, type RunningPdserve, startPdserve } from "../e2e/run_pdserve.ts";

export const sglang = process.env["PDSERVE_TEST_SGLANG"] ?? "";
export const model = process.env["PDSERVE_TEST_SGLANG_MODEL"] ?? "";

/** What differs from slime's sample; one rank for each worker where nothing is said. */
export interface Shape {
  readonly prefillTp?: number;
  readonly decodeTp?: number;
  /** SGLang's own arguments for both. */
  readonly args?: readonly string[];
}

/** tests/seeds/samples/slime.yaml with a worker's GPUs where it has four and twelve. */
const topologyOf = ({ prefillTp = 1, decodeTp = 1 }: Shape) =>
  `sglang:
  - name: actor
    update_weights: true
    server_groups:
      - worker_type: prefill
        num_gpus: ${prefillTp}
        num_gpus_per_engine: ${prefillTp}
        overrides:
          chunked_prefill_size: 8192
      - worker_type: decode
        num_gpus: ${decodeTp}
        num_gpus_per_engine: ${decodeTp}
        overrides:
          mem_fraction_static: 0.88
`;

export const adminKey = "real-admin";

export interface SglangPair {
  readonly pdserve: RunningPdserve;
  readonly plain: string;
  readonly prefill: string;
  readonly decode: string;
  /** Stops everything and returns the processes that were left. */
  stop(): Promise<readonly number[]>;
}

export async function startSglangPair(shape: Shape = {}): Promise<SglangPair> {
  const folder = mkdtempSync(join(tmpdir(), "sglang-pair-"));
  const file = join(folder, "sglang_pd.yaml");
  writeFileSync(file, topologyOf(shape));
  const gpus = (shape.prefillTp ?? 1) + (shape.decodeTp ?? 1);
  const plain = startPlain(folder, await freePort());
  const args = [
    "--sglang-config",
    file,
    "--rollout-num-gpus",
    String(gpus),
    "--engine-command",
    sglang,
    "--device",
    "cpu",
  ];
  const port = ["--port", String(await freePort())];
  // The rounding of bfloat16 depends on how many tokens are computed at once, and so would the answers.
  const engine = ["--dtype", "float32", "--context-length", "1024", ...(shape.args ?? [])];
  try {
    const pdserve = await startPdserve([model, ...args, ...port, "--admin-key", adminKey, ...engine]);
    await plain.ready;
    const run = JSON.parse(readFileSync(join(pdserve.runDir, "run.json"), "utf8"));
    const urlOf = (role: string) =>
      `http://127.0.0.1:${run.workers.find((each: { name: string }) => each.name.startsWith(role)).port}`;
    const end = async () => {
      await Promise.all([pdserve.stop(), plain.stop()]);
      const left = processesOf(pdserve.runId);
      killRun(pdserve.runId);
      rmSync(folder, { recursive: true, force: true });
      return left;
    };
    let ending: Promise<readonly number[]> | null = null;
    const urls = { plain: plain.url, prefill: urlOf("prefill"), decode: urlOf("decode") };
    return { pdserve, ...urls, stop: () => ending ??= end() };
  } catch (error) {
    await plain.stop();
    throw error;
  }
}

function startPlain(folder: string, port: number) {
  const log = join(folder, "plain.log");
  const child = Bun.spawn([
    ...[sglang, "serve", "--model-path", model, "--host", "127.0.0.1", "--port", String(port), "--device", "cpu"],
    ...["--attention-backend", "torch_native", "--sampling-backend", "pytorch", "--sleep-on-idle"],
    ...["--disable-overlap-schedule", "--disable-cuda-graph", "--max-total-tokens", "8192", "--dtype", "float32"],
    ...["--context-length", "1024"],
  ], {
    detached: true,
    env: { ...process.env, SGLANG_USE_CPU_ENGINE: "1", HF_HUB_OFFLINE: "1", OMP_NUM_THREADS: "1" },
    stdin: "ignore",
    stdout: Bun.file(log),
    stderr: Bun.file(log),
  });
  const url = `http://127.0.0.1:${port}`;
  const untilReady = async () => {
    while (!await answers(`${url}/health`)) {
      if (child.exitCode !== null) {
        throw new Error(`the plain SGLang ended:\n${readFileSync(log, "utf8").slice(-3_000)}`);
      }
      await Bun.sleep(500);
    }
  };
  const ready = untilReady();
  // Whoever waits for it hears of a failure; until then nobody may be waiting yet.
  ready.catch(() => {});
  const stop = async () => {
    process.kill(-child.pid, "SIGKILL");
    await child.exited;
  };
  return { url, ready, stop };
}
