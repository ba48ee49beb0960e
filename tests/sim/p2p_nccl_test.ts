// P2pNcclConnector as vLLM up to 0.22 had it: addresses in the request id, no time limits.

import { expect, setDefaultTimeout, test } from "bun:test";
import { complete, engineState, PROMPT, startPair, violationsOf } from "./pair.ts";
import { freePort, post, startSim, TEST_LIMIT_MS, until } from "./start_sim.ts";

setDefaultTimeout(TEST_LIMIT_MS);

test("both legs under one id with both addresses give one engine's text", async () => {
  const { P, D, headers, stop } = await startP2p();
  const body = { prompt: PROMPT, temperature: 0 };
  await post(P, "/v1/completions", { ...body, max_tokens: 1 }, headers);
  const answer = await (await post(D, "/v1/completions", { ...body, max_tokens: 12 }, headers)).json();
  expect(answer).toMatchObject({ choices: [{ text: await textOfPlain(body) }] });
  await stop();
});

test("the decode leg may come first; the whole decode engine stands still until the KV has come", async () => {
  const { P, D, headers, stop } = await startP2p();
  const body = { prompt: PROMPT, temperature: 0, max_tokens: 2 };
  const decode = post(D, "/v1/completions", body, headers);
  await until(async () => (await engineState(D)).loading === 1);
  const other = post(D, "/v1/completions", { ...body, prompt: "?" });
  await until(async () => (await engineState(D)).waiting === 2);
  await post(P, "/v1/completions", { ...body, max_tokens: 1 }, headers);
  expect([(await decode).status, (await other).status]).toEqual([200, 200]);
  await stop();
});

test("with random request ids the two legs never meet", async () => {
  const { P, D, headers, stop } = await startP2p({ VLLM_DISABLE_REQUEST_ID_RANDOMIZATION: "0" });
  const body = { prompt: PROMPT, temperature: 0 };
  await post(P, "/v1/completions", { ...body, max_tokens: 1 }, headers);
  const decode = post(D, "/v1/completions", body, headers).then(() => "answered", () => "cut");
  await until(async () => (await engineState(D)).loading === 1);
  await stop();
  expect(await decode).toBe("cut");
});

test("a request id without addresses kills the prefill engine", async () => {
  const { P, stop } = await startP2p();
  expect((await post(P, "/v1/completions", { prompt: PROMPT, max_tokens: 1 })).status).toBe(500);
  expect(await P.exited).toBe(0);
  expect(P.log()).toContain("does not contain hostname and port");
  await stop();
});

test("a request id without addresses stops the decode engine for ever", async () => {
  const { D, stop } = await startP2p();
  const decode = post(D, "/v1/completions", { prompt: PROMPT }).then(() => "answered", () => "cut");
  await until(async () => (await violationsOf(D)).includes("E13"));
  await stop();
  expect(await decode).toBe("cut");
});

async function startP2p(env: Readonly<Record<string, string>> = {}) {
  const ports = [await freePort(), await freePort()];
  const side = (kv_port: number | undefined) => ({
    connector: { kv_port },
    args: ["--sim-vllm-version", "0.22.0"],
    env: { VLLM_DISABLE_REQUEST_ID_RANDOMIZATION: "1", ...env },
  });
  const pair = await startPair({ kv_connector: "P2pNcclConnector" }, {
    prefill: side(ports[0]),
    decode: side(ports[1]),
  });
  const addresses = `___prefill_addr_127.0.0.1:${ports[0]}___decode_addr_127.0.0.1:${ports[1]}`;
  return { ...pair, headers: { "x-request-id": `${addresses}_${"0".repeat(32)}` } };
}

async function textOfPlain(body: Record<string, unknown>): Promise<string> {
  const plain = await startSim();
  const text = (await complete(plain, { ...body, max_tokens: 12 })).choices[0]?.text ?? "";
  await plain.stop();
  return text;
}
