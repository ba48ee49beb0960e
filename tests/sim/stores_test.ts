// Connectors over a common store, host memory of the prefill engine, and made-up KV, on two simulated engines.

import { expect, setDefaultTimeout, test } from "bun:test";
import { complete, engineState, metric, PROMPT, startPair, textOf, violationsOf } from "./pair.ts";
import { freePort, startSim, TEST_LIMIT_MS } from "./start_sim.ts";

setDefaultTimeout(TEST_LIMIT_MS);

/** Of PROMPT, in blocks of 32. */
const wholeBlockTokens = 64;
const sameHashes = { PYTHONHASHSEED: "0" };
const external = 'source="external_kv_transfer"';
const sources = "vllm:prompt_tokens_by_source_total";

const stores = [
  { name: "LMCacheMPConnector", extra: { "lmcache.mp.host": "tcp://127.0.0.1", "lmcache.mp.port": 5555 } },
  { name: "LMCacheConnectorV1", extra: { "lmcache.remote_url": "lm://127.0.0.1:65432" } },
  { name: "MooncakeStoreConnector", extra: {} },
  { name: "FlexKVConnectorV1", extra: {} },
  { name: "HF3FSKVConnector", extra: { hf3fs_storage_path: "/mnt/3fs" } },
] as const;

for (const { name, extra } of stores) {
  test(`${name}: decode finds the whole blocks that prefill has saved, and its text is a plain engine's`, async () => {
    const pair = await startPair(configOf(name, extra), { prefill: { env: sameHashes }, decode: { env: sameHashes } });
    await complete(pair.P, { prompt: PROMPT, max_tokens: 1 });
    const text = await textOf(pair.D);
    expect(await metric(pair.D, sources, external)).toBe(wholeBlockTokens);
    expect(text).toBe(await plainText());
    await pair.stop();
  });
}

test("with other hash seeds every lookup misses, and decode computes the prompt", async () => {
  const seeds = { prefill: { env: sameHashes }, decode: { env: { PYTHONHASHSEED: "1" } } };
  const pair = await startPair(configOf("LMCacheMPConnector"), seeds);
  await complete(pair.P, { prompt: PROMPT, max_tokens: 1 });
  expect(await textOf(pair.D)).toBe(await plainText());
  expect(await metric(pair.D, sources, external)).toBe(0);
  await pair.stop();
});

test("LMCache without a common store keeps KV to each engine", async () => {
  const pair = await startPair(configOf("LMCacheConnectorV1"), {
    prefill: { env: sameHashes },
    decode: { env: sameHashes },
  });
  await complete(pair.P, { prompt: PROMPT, max_tokens: 1 });
  await textOf(pair.D);
  expect(await metric(pair.D, sources, external)).toBe(0);
  await pair.stop();
});

test("an engine that loses the store computes, and serves a store itself from then on", async () => {
  const pair = await startPair(configOf("MooncakeStoreConnector"), {
    prefill: { env: sameHashes },
    decode: { env: sameHashes },
  });
  const state = async () => (await engineState(pair.D)).connector as { readonly serves?: boolean } | null;
  const [first, second] = (await state())?.serves ? [pair.D, pair.P] : [pair.P, pair.D];
  await first.stop();
  expect(await textOf(second)).toBe(await plainText());
  await complete(second, { prompt: `${PROMPT} once more`, max_tokens: 1 });
  expect((await engineState(second)).connector).toMatchObject({ serves: true });
  await pair.stop();
});

test("a p2p tier hands a prompt over by its request id", async () => {
  const pair = await startOffloading();
  await complete(pair.P, {
    prompt: PROMPT,
    max_tokens: 1,
    kv_transfer_params: { remote_decoder: { kv_request_id: "kv-1" } },
  });
  const from = { kv_request_id: "kv-1", remote_host: "127.0.0.1", remote_port: pair.port };
  const text = await textOf(pair.D, { kv_transfer_params: { remote_prefiller: from } });
  expect(await metric(pair.D, sources, external)).toBe(wholeBlockTokens);
  expect(text).toBe(await plainText());
  await pair.stop();
});

test("a p2p tier that is asked for what nobody offers computes the prompt, and tells", async () => {
  const pair = await startOffloading();
  const from = { kv_request_id: "kv-2", remote_host: "127.0.0.1", remote_port: pair.port };
  expect(await textOf(pair.D, { kv_transfer_params: { remote_prefiller: from } })).toBe(await plainText());
  expect(await violationsOf(pair.D)).toEqual(["p2p_unclaimed"]);
  await pair.stop();
});

test("DecodeBenchConnector computes one prompt token and answers nonsense", async () => {
  const sim = await startSim({ connector: { kv_connector: "DecodeBenchConnector", kv_role: "kv_both" } });
  expect(await textOf(sim)).not.toBe(await plainText());
  expect(await metric(sim, sources, 'source="local_compute"')).toBe(1);
  await sim.stop();
});

test("SimpleCPUOffloadConnector serves as a plain engine does", async () => {
  const sim = await startSim({ connector: { kv_connector: "SimpleCPUOffloadConnector", kv_role: "kv_both" } });
  expect(await textOf(sim)).toBe(await plainText());
  await sim.stop();
});

function configOf(name: string, extra: Record<string, unknown> = {}) {
  return { kv_connector: name, kv_connector_extra_config: extra };
}

async function startOffloading() {
  const [port, other] = [await freePort(), await freePort()];
  const tier = { cpu_bytes_to_use: 1e9, spec_name: "TieringOffloadingSpec", secondary_tiers: [{ type: "p2p" }] };
  const at = (p2pPort: number) => ({
    env: { VLLM_P2P_SIDE_CHANNEL_HOST: "127.0.0.1", VLLM_P2P_SIDE_CHANNEL_PORT: String(p2pPort) },
  });
  const pair = await startPair(configOf("OffloadingConnector", tier), { prefill: at(port), decode: at(other) });
  return { ...pair, port };
}

let known: string | null = null;
async function plainText(): Promise<string> {
  if (known !== null) return known;
  const sim = await startSim();
  known = await textOf(sim);
  await sim.stop();
  return known;
}
