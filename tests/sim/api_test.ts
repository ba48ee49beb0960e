// Parts of the API that no recording covers.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { once } from "node:events";
import { connect } from "node:net";
import { complete, engineState, type Params } from "./pair.ts";
import { post, type Sim, startSim, TEST_LIMIT_MS, until } from "./start_sim.ts";

setDefaultTimeout(TEST_LIMIT_MS);

let sim: Sim;

beforeAll(async () => {
  sim = await startSim({
    args: ["--enable-prompt-tokens-details", "--block-size", "16", "--enable-request-id-headers"],
  });
});

afterAll(() => sim.stop());

test("a stop string ends the text before it, also where it spans tokens", async () => {
  const whole = (await complete(sim, { prompt: "stop here", max_tokens: 20 })).choices[0]!.text;
  const stop = whole.slice(5, 8);
  const cut = await complete(sim, { prompt: "stop here", max_tokens: 20, stop });
  expect(cut.choices[0]).toMatchObject({
    text: whole.slice(0, whole.indexOf(stop)),
    finish_reason: "stop",
    stop_reason: stop,
  });
  const frames = (await (await post(sim, "/v1/completions", {
    prompt: "stop here",
    max_tokens: 20,
    temperature: 0,
    stop,
    stream: true,
  })).text()).split("\n\n").filter((frame) => frame.startsWith("data: {"));
  const streamed = frames.map((frame) =>
    (JSON.parse(frame.slice(6)) as { choices: { text: string }[] }).choices[0]!.text
  );
  expect(streamed.join("")).toBe(whole.slice(0, whole.indexOf(stop)));
});

test("a stop token ends the text, and is named as the reason", async () => {
  const whole = (await complete(sim, { prompt: "token", max_tokens: 9 })).choices[0]!.text;
  const id = whole.charCodeAt(4);
  const cut = await complete(sim, { prompt: "token", max_tokens: 9, stop_token_ids: [id] });
  expect(cut.choices[0]).toMatchObject({ text: whole.slice(0, whole.indexOf(whole[4]!)), stop_reason: id });
});

test("echo with max_tokens 0 gives the prompt back", async () => {
  const echoed = await complete(sim, { prompt: "say it", max_tokens: 0, echo: true });
  expect(echoed).toMatchObject({ choices: [{ text: "say it" }], usage: { completion_tokens: 0 } });
});

test("text, token ids and chat template lead to the same prompt tokens", async () => {
  const ids = [259, 72, 105, 257, 260];
  const chat = await ask("/v1/chat/completions", { messages: [{ role: "user", content: "Hi" }], max_tokens: 6 });
  const plain = await complete(sim, { prompt: ids, max_tokens: 6 });
  const rendered = await complete(sim, { prompt: "<|user|>Hi<|end|><|assistant|>", max_tokens: 6 });
  expect(chat).toMatchObject({ choices: [{ message: { content: plain.choices[0]!.text } }] });
  expect(rendered.choices[0]!.text).toBe(plain.choices[0]!.text);
});

test("different seeds sample different texts, the same seed the same one", async () => {
  const text = async (seed: number) => (await complete(sim, { prompt: "seed", temperature: 1, seed })).choices[0]!.text;
  expect(await text(1)).toBe(await text(1));
  expect(await text(1)).not.toBe(await text(2));
});

test("cached prompt tokens are shown with --enable-prompt-tokens-details", async () => {
  const prompt = "c".repeat(40);
  await complete(sim, { prompt, max_tokens: 1 });
  const again = await complete(sim, { prompt, max_tokens: 1 });
  expect(again).toMatchObject({ usage: { prompt_tokens_details: { cached_tokens: 32 } } });
});

test("a body that is not application/json is refused", async () => {
  const answer = await fetch(`${sim.url}/v1/completions`, { method: "POST", body: "prompt=Hi" });
  expect(answer.status).toBe(400);
  expect(await answer.text()).toContain("Unsupported Media Type: Only 'application/json' is allowed");
});

test("the request id comes back in the header and in the body's id", async () => {
  const answer = await post(sim, "/v1/completions", { prompt: "Hi", max_tokens: 1 }, { "x-request-id": "mine" });
  expect(answer.headers.get("x-request-id")).toBe("mine");
  expect(await answer.json()).toMatchObject({ id: "cmpl-mine" });
});

test("GET /sim/requests shows what came in and how it ended", async () => {
  const kv_transfer_params = { do_remote_decode: true };
  await post(sim, "/v1/completions", { prompt: "seen", max_tokens: 1, kv_transfer_params }, { "x-request-id": "seen" });
  const client = new AbortController();
  await sim.setFaults({ hang: true });
  const left = fetch(`${sim.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ messages: [{ role: "user", content: "left" }] }),
    signal: client.signal,
  }).catch(() => "left");
  await until(async () => (await engineState(sim)).waiting === 1);
  client.abort();
  await left;
  await until(async () => (await engineState(sim)).waiting === 0);
  await sim.setFaults({ hang: false });
  const seen = (await sim.json("/sim/requests") as Params[]).slice(-2);
  expect(seen).toMatchObject([
    { path: "/v1/completions", kvParams: kv_transfer_params, status: 200, abortedByClient: false },
    { path: "/v1/chat/completions", kvParams: null, abortedByClient: true },
  ]);
  expect(seen[0]).toMatchObject({ headers: { "x-request-id": "seen" }, body: expect.stringContaining('"seen"') });
});

test("the head of a stream is sent before its first token", async () => {
  await sim.setFaults({ hang: true });
  const answer = await post(sim, "/v1/completions", { prompt: "Hi", max_tokens: 1, stream: true });
  expect(answer.status).toBe(200);
  await sim.setFaults({ hang: false });
  expect(await answer.text()).toEndWith("data: [DONE]\n\n");
});

test("an idle connection is closed by the server", async () => {
  const socket = connect(sim.port, "127.0.0.1", () => socket.write("GET /health HTTP/1.1\r\nhost: engine\r\n\r\n"));
  const heard: string[] = [];
  socket.on("data", (chunk) => heard.push(chunk.toString()));
  await once(socket, "close");
  expect(heard.join("")).toStartWith("HTTP/1.1 200 OK\r\n");
});

test("POST /sim/faults refuses what is no fault", async () => {
  const answer = await fetch(`${sim.url}/sim/faults`, { method: "POST", body: '{"no_such_fault": 1}' });
  expect(await answer.json()).toEqual({ error: "unknown faults: no_such_fault" });
});

test("an API key guards /v1 only, and its refusal is a text", async () => {
  const guarded = await startSim({ env: { VLLM_API_KEY: "secret" } });
  const refused = await fetch(`${guarded.url}/v1/models`);
  expect([refused.status, await refused.json()]).toEqual([401, { error: "Unauthorized" }]);
  expect((await fetch(`${guarded.url}/v1/models`, { headers: { authorization: "Bearer secret" } })).status).toBe(200);
  expect((await fetch(`${guarded.url}/metrics`)).status).toBe(200);
  await guarded.stop();
});

async function ask(path: string, body: Params): Promise<unknown> {
  return await (await post(sim, path, { model: "tiny", temperature: 0, ...body })).json();
}
