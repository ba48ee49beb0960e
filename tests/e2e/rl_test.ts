// A trainer's run against slime's topology on simulated SGLang: new weights again and again while samples are asked for. The
// simulator fails a request whose KV and tokens are of different weights.

import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
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

async function generate(url: string, ids: readonly number[]): Promise<Sample> {
  const body = JSON.stringify({ input_ids: ids, sampling_params: { max_new_tokens: 4 } });
  const response = await fetch(`${url}/generate`, { method: "POST", headers, body });
  const { meta_info: meta, message: error } = await response.json() as {
    meta_info?: { weight_version?: string };
    message?: string;
  };
  return { status: response.status, version: meta?.weight_version, error };
}
