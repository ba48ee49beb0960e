// What damages a real engine damages the simulated one the same way, and is told (kv-protocols.md §6.6).

import { expect, setDefaultTimeout, test } from "bun:test";
import { complete, engineState, metric, type Pair, prefill, PROMPT, startPair, textOf, violationsOf } from "./pair.ts";
import { freePort, post, TEST_LIMIT_MS, until } from "./start_sim.ts";

setDefaultTimeout(TEST_LIMIT_MS);

const NIXL = { kv_connector: "NixlConnector" };
const PUSH = { kv_connector: "NixlPushConnector", engine_id: "P0" };
const DECODE_PUSH = { connector: { engine_id: "D0" } };

test("a pair gives the text of one engine, and the decode side computes nothing", async () => {
  const pair = await startPair(NIXL);
  const text = await textOf(pair.D, { kv_transfer_params: await prefill(pair.P) });
  expect(text).toBe(await textOf(pair.P));
  expect(await metric(pair.D, "vllm:prompt_tokens_by_source_total", "external_kv_transfer")).toBe(PROMPT.length);
  expect(await metric(pair.D, "vllm:prompt_tokens_by_source_total", "local_compute")).toBe(0);
  await until(async () => (await engineState(pair.P)).blocksUsed === 0);
  expect(await violationsOf(pair.P)).toEqual([]);
  await pair.stop();
});

test("two prompts in one body: the second gets the first one's text, and stays wrong in the decode engine", async () => {
  const pair = await startPair(NIXL);
  const prompts = [PROMPT, PROMPT.toUpperCase()];
  const kv_transfer_params = await prefill(pair.P, prompts);
  const both = await complete(pair.D, { prompt: prompts, max_tokens: 12, kv_transfer_params });
  const right = await textOf(pair.P, { prompt: prompts[1], cache_salt: "fresh" });
  expect(both.choices[0]?.text).toBe(await textOf(pair.P));
  expect(both.choices[1]?.text).not.toBe(right);
  expect(await textOf(pair.D, { prompt: prompts[1] })).not.toBe(right);
  expect(await textOf(pair.D, { prompt: prompts[1], cache_salt: "fresh" })).toBe(right);
  await pair.stop();
});

test("two prompts in one body, the second longer: the decode server dies with exit code 0", async () => {
  const pair = await startPair(NIXL);
  const prompts = [PROMPT, PROMPT + PROMPT];
  const kv_transfer_params = await prefill(pair.P, prompts);
  const answer = await post(pair.D, "/v1/completions", { prompt: prompts, max_tokens: 2, kv_transfer_params });
  expect(answer.status).toBe(500);
  expect(await pair.D.exited).toBe(0);
  expect(pair.D.log()).toContain("assert num_decode_blocks <= len(prefill_group)");
  expect(pair.D.log()).toContain("protocol violation E3");
  await pair.stop();
});

test("when the engine dies, an open stream gets an error frame and [DONE], and /health is 503 until the end", async () => {
  const pair = await startPair(NIXL, {
    decode: { args: ["--sim-decode-ms-per-token", "20", "--sim-death-ms", "3000"] },
  });
  const stream = post(pair.D, "/v1/completions", { prompt: "Hi", max_tokens: 900, stream: true, ignore_eos: true });
  await until(async () => (await engineState(pair.D)).running === 1);
  await post(pair.D, "/v1/completions", { prompt: PROMPT, kv_transfer_params: { do_remote_prefill: true } });
  expect((await (await stream).text()).split("\n\n").slice(-3)).toEqual([
    'data: {"error": {"message": "EngineCore encountered an issue. See stack trace (above) for the root cause.", ' +
    '"type": "InternalServerError", "param": null, "code": 500}}',
    "data: [DONE]",
    "",
  ]);
  expect((await fetch(`${pair.D.url}/health`)).status).toBe(503);
  expect(await pair.D.exited).toBe(0);
  await pair.stop();
});

test("one handoff object for n=2 is pulled twice, and the prefill engine complains", async () => {
  const pair = await startPair(NIXL);
  const kv_transfer_params = await prefill(pair.P);
  await complete(pair.D, { prompt: PROMPT, max_tokens: 2, n: 2, temperature: 0.5, seed: 1, kv_transfer_params });
  await until(async () => await metric(pair.P, "vllm:nixl_num_notifications_after_expiry_total") === 1);
  expect(await violationsOf(pair.P)).toEqual(["expired_read"]);
  expect(pair.P.log()).toContain("Potentially invalid KV blocks for unrecognized request ");
  await pair.stop();
});

test("a handoff object without a member waits for ever, and its blocks stay when the client has left", async () => {
  const pair = await startPair(NIXL);
  const { remote_host: _, ...kv_transfer_params } = await prefill(pair.P);
  const client = new AbortController();
  const body = JSON.stringify({ prompt: PROMPT, max_tokens: 2, kv_transfer_params });
  const answer = fetch(`${pair.D.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
    signal: client.signal,
  }).then(() => "answered", () => "left");
  await until(async () => (await engineState(pair.D)).loading === 1);
  client.abort();
  expect(await answer).toBe("left");
  await until(async () => (await engineState(pair.D)).loading === 0);
  expect((await engineState(pair.D)).blocksUsed).toBe(3);
  expect(await violationsOf(pair.D)).toEqual(["E2"]);
  await pair.stop();
});

test("the decode leg sent to the prefill engine itself fails with 500, and the engine lives", async () => {
  const pair = await startPair(NIXL);
  const kv_transfer_params = await prefill(pair.P);
  const other = PROMPT.toUpperCase();
  expect((await post(pair.P, "/v1/completions", { prompt: other, kv_transfer_params })).status).toBe(500);
  expect(await violationsOf(pair.P)).toEqual(["E5"]);
  expect((await fetch(`${pair.P.url}/health`)).status).toBe(200);
  await pair.stop();
});

test("a wrong tp_size silences the prefill engine's listener: later handshakes fail", async () => {
  const pair = await startPair(NIXL);
  const params = await prefill(pair.P);
  const wrong = { ...params, tp_size: 2 };
  expect((await post(pair.D, "/v1/completions", { prompt: PROMPT, kv_transfer_params: wrong })).status).toBe(500);
  expect((await post(pair.D, "/v1/completions", { prompt: PROMPT, kv_transfer_params: params })).status).toBe(500);
  expect(await violationsOf(pair.P)).toEqual(["E7"]);
  await pair.stop();
});

test("engines of different versions refuse each other at the first request", async () => {
  const pair = await startPair(NIXL, { decode: { args: ["--sim-vllm-version", "0.31.0"] } });
  const kv_transfer_params = await prefill(pair.P);
  const stream = await post(pair.D, "/v1/completions", { prompt: PROMPT, stream: true, kv_transfer_params });
  expect(await stream.text()).toBe(
    'data: {"error": {"message": "Internal server error", "type": "InternalServerError", "param": null, "code": 500}}' +
      "\n\ndata: [DONE]\n\n",
  );
  expect(pair.D.log()).toContain("NIXL compatibility hash mismatch");
  await pair.stop();
});

test("a streamed prefill leg pins blocks that nobody can ask for, and is told", async () => {
  const pair = await startPair(NIXL);
  const kv_transfer_params = { do_remote_decode: true };
  await (await post(pair.P, "/v1/completions", { prompt: PROMPT, stream: true, kv_transfer_params })).text();
  expect((await engineState(pair.P)).connector?.leases).toHaveLength(1);
  expect(await violationsOf(pair.P)).toEqual(["streamed_prefill"]);
  await pair.stop();
});

test("heartbeats of a waiting decode leg keep the lease beyond its length", async () => {
  const pair = await startPair({ ...NIXL, kv_connector_extra_config: { kv_lease_duration: 0.3 } }, {
    decode: { args: ["--sim-queue-ms", "900"] },
  });
  const kv_transfer_params = await prefill(pair.P);
  expect(await textOf(pair.D, { kv_transfer_params })).toBe(await textOf(pair.P));
  expect(await metric(pair.P, "vllm:nixl_num_kv_expired_reqs_total")).toBe(0);
  expect(await violationsOf(pair.P)).toEqual([]);
  await pair.stop();
});

test("prompt_logprobs on the decode side compute everything and pull nothing", async () => {
  const pair = await startPair(NIXL);
  const kv_transfer_params = await prefill(pair.P);
  await complete(pair.D, { prompt: PROMPT, max_tokens: 1, prompt_logprobs: 1, kv_transfer_params });
  expect(await metric(pair.D, "vllm:prompt_tokens_by_source_total", "local_compute")).toBe(PROMPT.length);
  expect((await engineState(pair.P)).connector?.leases).toHaveLength(1);
  await pair.stop();
});

test("push without tp_size kills the decode server with exit code 0", async () => {
  const pair = await startPair(PUSH, { decode: DECODE_PUSH });
  const { tp_size: _, ...kv_transfer_params } = pushParams(pair);
  const answer = await post(pair.D, "/v1/completions", { prompt: PROMPT, kv_transfer_params });
  expect(answer.status).toBe(500);
  expect(await pair.D.exited).toBe(0);
  expect(pair.D.log()).toContain("KeyError: 'tp_size'");
  await pair.stop();
});

test("push to a decode engine whose known peer has died waits for ever", async () => {
  const pair = await startPair(PUSH, { decode: DECODE_PUSH });
  const headers = { "x-request-id": "first" };
  const legs = [
    post(
      pair.P,
      "/v1/completions",
      { prompt: PROMPT, max_tokens: 1, kv_transfer_params: { do_remote_decode: true } },
      headers,
    ),
    post(pair.D, "/v1/completions", { prompt: PROMPT, max_tokens: 2, kv_transfer_params: pushParams(pair) }, headers),
  ];
  expect((await Promise.all(legs)).map(({ status }) => status)).toEqual([200, 200]);
  await pair.P.stop();
  const body = { prompt: PROMPT.toUpperCase(), kv_transfer_params: pushParams(pair) };
  const late = post(pair.D, "/v1/completions", body, { "x-request-id": "2" }).then(() => "answered", () => "cut");
  await until(() => pair.D.log().includes("NIXL_ERR_REMOTE_DISCONNECT"));
  expect((await engineState(pair.D)).loading).toBe(1);
  await pair.stop();
  expect(await late).toBe("cut");
});

for (const [role, params] of [["P", { do_remote_prefill: true }], ["D", { do_remote_decode: true }]] as const) {
  test(`Mooncake's wrong flag on ${role} kills that server with exit code 0`, async () => {
    const port = String(await freePort());
    const prefill = { env: { VLLM_MOONCAKE_BOOTSTRAP_PORT: port } };
    const pair = await startPair({ kv_connector: "MooncakeConnector" }, { prefill });
    const answer = await post(pair[role], "/v1/completions", { prompt: PROMPT, kv_transfer_params: params });
    expect(answer.status).toBe(500);
    expect(await pair[role].exited).toBe(0);
    expect(pair[role].log()).toContain("protocol violation E11");
    await pair.stop();
  });
}

for (const [legacy, ending] of [[false, "fails"], [true, "waits for ever"]] as const) {
  test(`a Mooncake decode leg for an unknown engine ${ending}${legacy ? " before #50984" : ""}`, async () => {
    const port = await freePort();
    const pair = await startPair({ kv_connector: "MooncakeConnector" }, {
      prefill: { env: { VLLM_MOONCAKE_BOOTSTRAP_PORT: String(port) } },
      decode: { args: legacy ? ["--sim-mooncake-legacy"] : [] },
    });
    const remote_bootstrap_addr = `http://127.0.0.1:${port}`;
    const params = { do_remote_prefill: true, remote_bootstrap_addr, remote_engine_id: "nobody", transfer_id: "x" };
    const answer = post(pair.D, "/v1/completions", { prompt: PROMPT, kv_transfer_params: params })
      .then(({ status }) => status, () => "cut");
    if (legacy) {
      await until(() => pair.D.log().includes("Mooncake receive failed"));
      expect((await engineState(pair.D)).loading).toBe(1);
      await pair.stop();
    }
    expect(await answer).toBe(legacy ? "cut" : 500);
    await pair.stop();
  });
}

test("Mooncake drops the KV of a prefill leg that ended by a stop token; min_tokens 1 prevents it", async () => {
  const port = await freePort();
  const pair = await startPair({ kv_connector: "MooncakeConnector" }, {
    prefill: { env: { VLLM_MOONCAKE_BOOTSTRAP_PORT: String(port) }, args: ["--sim-first-token-eos"] },
  });
  const kv_transfer_params = { do_remote_decode: true, transfer_id: "x" };
  await complete(pair.P, { prompt: PROMPT, max_tokens: 1, kv_transfer_params });
  expect(await violationsOf(pair.P)).toEqual(["E12"]);
  expect((await engineState(pair.P)).blocksUsed).toBe(0);
  await complete(pair.P, { prompt: PROMPT, max_tokens: 1, min_tokens: 1, kv_transfer_params });
  expect((await engineState(pair.P)).blocksUsed).toBe(3);
  await pair.stop();
});

function pushParams({ P }: Pair): Record<string, unknown> {
  return {
    do_remote_decode: false,
    do_remote_prefill: true,
    remote_engine_id: "P0",
    remote_request_id: "any",
    remote_host: "127.0.0.1",
    remote_port: P.sidePort,
    tp_size: 1,
    pp_size: 1,
  };
}
