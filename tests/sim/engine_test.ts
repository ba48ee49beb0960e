// What an engine does with many requests, little memory, several ranks and different shapes of pairs.

import { expect, setDefaultTimeout, test } from "bun:test";
import { complete, engineState, metric, prefill, PROMPT, startPair, textOf, violationsOf } from "./pair.ts";
import { freePortRun, post, startSim, TEST_LIMIT_MS, until } from "./start_sim.ts";

setDefaultTimeout(TEST_LIMIT_MS);

const NIXL = { kv_connector: "NixlConnector" };

test("64 requests at once through a pair give what one engine gives, and nothing stays pinned", async () => {
  const pair = await startPair(NIXL);
  const prompts = Array.from({ length: 64 }, (_, at) => `${at} ${PROMPT}`);
  const texts = await Promise.all(prompts.map(async (prompt) => {
    const kv_transfer_params = await prefill(pair.P, prompt);
    return await textOf(pair.D, { prompt, kv_transfer_params });
  }));
  expect(await metric(pair.D, "vllm:prompt_tokens_by_source_total", "local_compute")).toBe(0);
  expect(texts).toEqual(await Promise.all(prompts.map((prompt) => textOf(pair.P, { prompt }))));
  await until(async () => (await engineState(pair.P)).blocksUsed === 0);
  expect((await engineState(pair.D)).blocksUsed).toBe(0);
  expect([...await violationsOf(pair.P), ...await violationsOf(pair.D)]).toEqual([]);
  await pair.stop();
});

test("a decode engine without room queues handoffs and pulls them all", async () => {
  const small = { args: ["--max-model-len", "128", "--sim-kv-blocks", "8"] };
  const pair = await startPair(NIXL, { decode: small });
  const prompts = Array.from({ length: 8 }, (_, at) => `${at} ${PROMPT}`);
  const texts = await Promise.all(prompts.map(async (prompt) => {
    const kv_transfer_params = await prefill(pair.P, prompt);
    return await textOf(pair.D, { prompt, kv_transfer_params });
  }));
  expect(texts).toEqual(await Promise.all(prompts.map((prompt) => textOf(pair.P, { prompt }))));
  expect(await metric(pair.D, "vllm:prompt_tokens_by_source_total", "local_compute")).toBe(0);
  await pair.stop();
});

test("with too little memory requests are preempted and still end with the right text", async () => {
  const small = await startSim({ args: ["--block-size", "16", "--max-model-len", "128", "--sim-kv-blocks", "12"] });
  const large = await startSim();
  const ask = (sim: typeof small, at: number) =>
    complete(sim, { prompt: `prompt ${at}`, max_tokens: 80, ignore_eos: true }).then(({ choices }) => choices[0]?.text);
  const texts = await Promise.all([0, 1, 2, 3].map((at) => ask(small, at)));
  expect(texts).toEqual(await Promise.all([0, 1, 2, 3].map((at) => ask(large, at))));
  expect(await metric(small, "vllm:num_preemptions_total")).toBeGreaterThan(0);
  expect((await engineState(small)).blocksUsed).toBe(0);
  await Promise.all([small.stop(), large.stop()]);
});

test("a repeated prompt comes from the prefix cache, but never its last token", async () => {
  const sim = await startSim({ args: ["--block-size", "16"] });
  const prompt = "x".repeat(64);
  const first = await textOf(sim, { prompt });
  expect(await textOf(sim, { prompt })).toBe(first);
  expect(await metric(sim, "vllm:prompt_tokens_by_source_total", "local_cache_hit")).toBe(48);
  await sim.stop();
});

test("two data-parallel ranks: the header chooses, the handoff names its rank, each has its own port", async () => {
  const sidePort = await freePortRun(2);
  const pair = await startPair(NIXL, { prefill: { args: ["--data-parallel-size", "2"], sidePort } });
  const leg = { prompt: PROMPT, max_tokens: 1, temperature: 0, kv_transfer_params: { do_remote_decode: true } };
  const answer = await post(pair.P, "/v1/completions", leg, { "x-data-parallel-rank": "1" });
  const { kv_transfer_params } = await answer.json() as { kv_transfer_params: Record<string, unknown> };
  expect(kv_transfer_params["remote_engine_id"]).toEndWith("_dp1");
  expect(kv_transfer_params["remote_port"]).toBe(pair.P.sidePort + 1);
  expect(await textOf(pair.D, { kv_transfer_params })).toBe(await textOf(pair.P));
  const beyond = await post(pair.P, "/v1/completions", leg, { "x-data-parallel-rank": "-1" });
  expect(await beyond.json()).toMatchObject({ error: { message: "data_parallel_rank -1 is out of range [0, 2)." } });
  expect((await post(pair.P, "/v1/completions", leg, { "x-data-parallel-rank": "x" })).status).toBe(200);
  await pair.stop();
});

for (
  const [title, shape, status] of [
    ["TP 2 on prefill, 1 on decode", { prefill: { args: ["-tp", "2"] } }, 200],
    ["TP 2 against 3", { prefill: { args: ["-tp", "2"] }, decode: { args: ["-tp", "3"] } }, 500],
    ["decode blocks twice as large", { decode: { args: ["--block-size", "64"] } }, 200],
    ["decode blocks that are smaller", { decode: { args: ["--block-size", "16"] } }, 500],
    ["different dtypes", { decode: { args: ["--dtype", "float16"] } }, 500],
  ] as const
) {
  test(`a pair with ${title} ${status === 200 ? "works" : "fails at the first request"}`, async () => {
    const pair = await startPair(NIXL, shape);
    const kv_transfer_params = await prefill(pair.P);
    const body = { prompt: PROMPT, max_tokens: 12, temperature: 0, kv_transfer_params };
    const answer = await post(pair.D, "/v1/completions", body);
    expect(answer.status).toBe(status);
    if (status === 200) expect(await answer.json()).toMatchObject({ choices: [{ text: await textOf(pair.P) }] });
    await pair.stop();
  });
}

test("an old version hands over fewer members, block ids in one flat list, and decodes from them", async () => {
  const old = { args: ["--sim-vllm-version", "0.16.0"] };
  const pair = await startPair(NIXL, { prefill: old, decode: old });
  const kv_transfer_params = await prefill(pair.P);
  expect(kv_transfer_params["remote_block_ids"]).toEqual([1, 2, 3]);
  expect(kv_transfer_params).not.toHaveProperty("transfer_mode");
  expect(await textOf(pair.D, { kv_transfer_params })).toBe(await textOf(pair.P));
  await pair.stop();
});

test("the pace of prefill and decode is the configured one", async () => {
  const sim = await startSim({ args: ["--sim-prefill-ms-per-1k", "1000", "--sim-decode-ms-per-token", "10"] });
  const startedMs = performance.now();
  await complete(sim, { prompt: "x".repeat(100), max_tokens: 11, cache_salt: "a" });
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(190);
  await sim.stop();
});
