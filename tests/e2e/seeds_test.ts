// Each sample of the documents is brought up on simulated engines, and requests are served through it.

import { afterEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { samples } from "../seeds/samples.ts";
import { killRun, type RunningPdserve, startPdserve } from "./run_pdserve.ts";

const parallel = 12;

let running: RunningPdserve | null = null;
let folder: string | null = null;

afterEach(async () => {
  if (running !== null) {
    await running.stop();
    killRun(running.runId);
  }
  if (folder !== null) rmSync(folder, { recursive: true, force: true });
  running = folder = null;
});

test.each(
  samples.flatMap(({ simulated, ...sample }) =>
    simulated === null ? [] : [[sample.name, { ...sample, simulated }] as const]
  ),
)(
  "P1, V1, V25: the sample %s comes up on simulated engines and serves requests",
  async (_name, { argv, simulated, files }) => {
    folder = mkdtempSync(join(tmpdir(), "pdserve-seed-"));
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    const line = [...argv, ...simulated, "--host", "127.0.0.1", "--port", "0"];
    running = await startPdserve(line, { cwd: folder });
    const { url } = running;
    const { data: [model] } = await (await fetch(`${url}/v1/models`)).json() as { data: [{ id: string }] };
    const legs = await Promise.all(Array.from({ length: parallel }, (_, at) => ask(url, model.id, at)));
    const isSplit = !legs.some(({ prefill }) => prefill === null);
    // A regular worker answers alone; a pair does so together, every time.
    expect(legs.map(({ prefill }) => prefill === null)).toEqual(Array(parallel).fill(!isSplit));
    expect(legs.every(({ decode }) => decode?.startsWith(isSplit ? "decode-" : "regular-"))).toBe(true);
    if (simulated.includes("sim-sglang")) await generates(url);
  },
  60_000,
);

/** Who answered a completion of five tokens. */
async function ask(url: string, model: string, at: number) {
  const response = await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, prompt: `Question ${at}: ${"go on ".repeat(40)}`, max_tokens: 5 }),
  });
  const answer = await response.json() as { usage?: { completion_tokens: number } };
  expect([response.status, answer.usage?.completion_tokens]).toEqual([200, 5]);
  return { prefill: response.headers.get("x-pdserve-prefill"), decode: response.headers.get("x-pdserve-decode") };
}

/** SGLang's own route, as slime's rollout asks it. */
async function generates(url: string): Promise<void> {
  const body = JSON.stringify({
    input_ids: [1, 2, 3],
    sampling_params: { max_new_tokens: 5, temperature: 1 },
    return_logprob: true,
  });
  const response = await fetch(`${url}/generate`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  const { meta_info } = await response.json() as { meta_info: Record<string, unknown> };
  expect([response.status, meta_info.completion_tokens]).toEqual([200, 5]);
  expect(meta_info.output_token_logprobs).toHaveLength(5);
  expect(response.headers.get("x-pdserve-prefill")).toStartWith("prefill-");
}
