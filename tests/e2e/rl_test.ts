// A trainer's run against slime's topology on simulated SGLang: new weights again and again while samples are asked for. The
// simulator fails a request whose KV and tokens are of different weights.

import { afterEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { killRun, type RunningPdserve, startPdserve } from "./run_pdserve.ts";

/** Some seconds of it in npm test; PDSERVE_TEST_RL_STEPS=200 for the whole run. */
const steps = Number(Bun.env.PDSERVE_TEST_RL_STEPS ?? 50);
const parallel = 64;
const headers = { "content-type": "application/json", authorization: "Bearer trainer" };
const topology = `sglang:
  - name: actor
    update_weights: true
    server_groups: [{worker_type: prefill, num_gpus: 1}, {worker_type: decode, num_gpus: 2}]
`;

let running: RunningPdserve | null = null;
const folder = mkdtempSync(join(tmpdir(), "pdserve-rl-"));

afterEach(async () => {
  if (running !== null) {
    await running.stop();
    killRun(running.runId);
  }
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  running = null;
});

interface Sample {
  readonly status: number;
  readonly version: string | undefined;
  /** Instead of an answer. */
  readonly error: string | undefined;
}

test(
  `P19, P37: ${steps} weight updates under ${parallel} parallel requests lose none of them and mix no two versions`,
  async () => {
    writeFileSync(join(folder, "pd.yaml"), topology);
    const line = ["m", "--sglang-config", "pd.yaml", "--engine", "sim-sglang", "--port", "0", "--admin-key", "trainer"];
    running = await startPdserve(line, { cwd: folder });
    const { url } = running;
    let isOver = false;
    const samples: Sample[] = [];
    const rollout = async (worker: number) => {
      for (let turn = 0; !isOver; turn++) samples.push(await generate(url, [worker, turn, 7]));
    };
    const rollouts = Array.from({ length: parallel }, (_, worker) => rollout(worker));
    for (let step = 1; step <= steps; step++) {
      const body = JSON.stringify({ model_path: `/weights/${step}`, weight_version: String(step) });
      const updated = await fetch(`${url}/update_weights_from_disk`, { method: "POST", headers, body });
      expect([step, updated.status]).toEqual([step, 200]);
    }
    isOver = true;
    await Promise.all(rollouts);
    expect(samples.length).toBeGreaterThan(steps);
    expect(samples.filter(({ status }) => status !== 200)).toEqual([]);
    expect(new Set(samples.map(({ version }) => version)).size).toBeGreaterThan(steps / 4);
    expect((await generate(url, [1])).version).toBe(String(steps));
  },
  120_000,
);

test(
  "V35: a worker killed between two updates reads the last one again; no sample is of two versions, none of an old one",
  async () => {
    writeFileSync(join(folder, "pd.yaml"), topology);
    const line = ["m", "--sglang-config", "pd.yaml", "--engine", "sim-sglang", "--port", "0", "--admin-key", "trainer"];
    running = await startPdserve(line, { cwd: folder });
    const run = running;
    const update = async (version: string) => {
      const body = JSON.stringify({ model_path: `/weights/${version}`, weight_version: version });
      const path = `${run.url}/update_weights_from_disk`;
      expect((await fetch(path, { method: "POST", headers, body })).status).toBe(200);
    };
    await update("1");
    const from = run.events.length;
    process.kill(pidOf(run, "decode-1"), "SIGKILL");
    const came = run.waitFor((event) =>
      event.type === "worker" && event.name === "decode-1" && event.state === "ready" &&
      run.events.indexOf(event) >= from
    );
    let isBack = false;
    void came.then(() => isBack = true);
    const samples: Sample[] = [];
    while (!isBack) samples.push(await generate(run.url, [samples.length]));
    // Served by both decode workers once the restarted one has read the weights.
    while (await staleWeights(run.url, "decode-1") === 1) samples.push(await generate(run.url, [samples.length]));
    for (let turn = 0; turn < 8; turn++) samples.push(await generate(run.url, [turn, 3]));
    const good = samples.filter(({ status }) => status === 200);
    expect(good.length).toBeGreaterThanOrEqual(8);
    expect(new Set(good.map(({ version }) => version))).toEqual(new Set(["1"]));
    // A request that met the kill may have failed as a whole; none has failed for its weights.
    expect(samples.filter(({ error }) => error?.includes("of weights"))).toEqual([]);
    await update("2");
    expect((await generate(run.url, [1])).version).toBe("2");
  },
  120_000,
);

function pidOf({ runDir }: RunningPdserve, name: string): number {
  const { workers } = JSON.parse(readFileSync(join(runDir, "run.json"), "utf8")) as {
    readonly workers: readonly { readonly name: string; readonly pid: number }[];
  };
  return workers.find((worker) => worker.name === name)!.pid;
}

async function staleWeights(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`^pdserve_worker_stale_weights\\{worker="${name}"[^}]*\\} (\\d)`, "m").exec(text)?.[1]);
}

async function generate(url: string, ids: readonly number[]): Promise<Sample> {
  const body = JSON.stringify({ input_ids: ids, sampling_params: { max_new_tokens: 4 } });
  const response = await fetch(`${url}/generate`, { method: "POST", headers, body });
  const { meta_info: meta, message: error } = await response.json() as {
    meta_info?: { weight_version?: string };
    message?: string;
  };
  return { status: response.status, version: meta?.weight_version, error };
}
