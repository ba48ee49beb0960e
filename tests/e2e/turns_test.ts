// --turn-reuse with the compiled binary and simulated engines, whose text is another when their KV is.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { type PlainEngine, startPlainEngine } from "./plain_engine.ts";
import { type RunningPdserve, startPdserve } from "./run_pdserve.ts";

const model = "demo-model";
let plain: PlainEngine;
let pdserve: RunningPdserve;

beforeAll(async () => {
  const gpus = ["--prefill-gpus", "0", "--decode-gpus", "1"];
  [plain, pdserve] = await Promise.all([
    startPlainEngine(model),
    startPdserve([model, "--engine", "sim", "--port", "0", ...gpus, "--turn-reuse", "60s"]),
  ]);
}, 60_000);

afterAll(async () => {
  await Promise.all([plain?.stop(), pdserve?.stop()]);
}, 60_000);

async function idsAfter(url: string, prompt: readonly number[], session_id: string): Promise<number[]> {
  const sampling = { max_tokens: 100, ignore_eos: true, temperature: 0, return_token_ids: true };
  const body = JSON.stringify({ model, prompt, session_id, ...sampling });
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${url}/v1/completions`, { method: "POST", headers, body });
  expect(response.status).toBe(200);
  const text = await response.text();
  expect(text).not.toContain("remote_");
  return (JSON.parse(text) as { choices: { token_ids: number[] }[] }).choices[0]!.token_ids;
}

async function readsSoFar(): Promise<number> {
  const metrics = await (await fetch(`${pdserve.url}/metrics`)).text();
  return Number(/^pdserve_turn_reuses_total\{outcome="read"\} (\d+)$/m.exec(metrics)?.[1] ?? 0);
}

const start = (first: number) => [first, ...Array.from({ length: 99 }, (_, at) => 65 + at % 26)];

test("three turns of a session: each is read from decode, and the tokens are a plain engine's", async () => {
  let prompt = start(48);
  for (const reads of [0, 1, 2]) {
    const answer = await idsAfter(pdserve.url, prompt, "a");
    expect(answer).toEqual(await idsAfter(plain.url, prompt, "a"));
    expect(await readsSoFar()).toBe(reads);
    prompt = [...prompt, ...answer, 97, 98, 99];
  }
});

for (const at of [2, 120]) {
  test(`a prompt whose token ${at} is another gets the tokens of its own`, async () => {
    const session = `changed at ${at}`;
    const prompt = start(49 + at % 7);
    const answer = await idsAfter(pdserve.url, prompt, session);
    const changed = [...prompt, ...answer, 97, 98].map((id, place) => place === at ? id + 1 : id);
    expect(await idsAfter(pdserve.url, changed, session)).toEqual(await idsAfter(plain.url, changed, session));
  });
}
