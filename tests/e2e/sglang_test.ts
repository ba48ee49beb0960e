// SGLang's protocol end to end on simulated engines: the binary, its processes, and a prefill worker that dies under load.

import { afterEach, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "./plain_engine.ts";
import { killRun, processesOf, type ProgressEvent, type RunningPdserve, startPdserve } from "./run_pdserve.ts";

let running: RunningPdserve | null = null;

afterEach(async () => {
  if (running === null) return;
  await running.stop();
  killRun(running.runId);
  running = null;
});

async function start(...args: string[]): Promise<RunningPdserve> {
  const port = String(await freePort());
  return running = await startPdserve(["tiny/model", "--engine", "sim-sglang", "--port", port, ...args]);
}

const generate = (url: string, body: Record<string, unknown>) =>
  fetch(`${url}/generate`, {
    ...{ method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) },
  });

test("each pair is proven, and no prompt is computed twice", async () => {
  const { events } = await start("--pd", "2P2D");
  const proofs = events.filter(({ type }) => type === "proof");
  expect(proofs).toHaveLength(4);
  for (const proof of proofs) {
    expect(proof).toMatchObject({ recomputed_tokens: 0 });
    expect(Number(proof["bytes"])).toBe(1024 * Number(proof["moved_tokens"]));
  }
}, 60_000);

test("a prefill worker that dies under load loses nobody's request", async () => {
  const { url, runDir, events, waitFor } = await start("--pd", "2P1D", "--", "--sim-decode-ms-per-token", "4");
  const { workers } = JSON.parse(readFileSync(join(runDir, "run.json"), "utf8"));
  const { pid } = workers.find(({ name }: { name: string }) => name === "prefill-0");
  const asking = Array.from(
    { length: 40 },
    (_, at) => generate(url, { text: `Question ${at}`, sampling_params: { max_new_tokens: 12, temperature: 0 } }),
  );
  await asking[0];
  const from = events.length;
  process.kill(pid, "SIGKILL");
  const more = Array.from({ length: 20 }, (_, at) => generate(url, { text: `Later ${at}` }));
  for (const answer of await Promise.all([...asking, ...more])) {
    expect(answer.status).toBe(200);
    expect((await answer.json() as { output_ids: number[] }).output_ids.length).toBeGreaterThan(0);
  }
  const isBack = (event: ProgressEvent) => event["name"] === "prefill-0" && event["state"] === "ready";
  await waitFor((event) => event.type === "worker" && isBack(event) && events.indexOf(event) >= from);
  expect((await generate(url, { text: "After" })).status).toBe(200);
}, 60_000);

test("stopping leaves no process behind", async () => {
  const { runId, stop } = await start("--pd", "1P1D");
  expect(await stop()).toBe(0);
  expect(processesOf(runId)).toEqual([]);
}, 60_000);
