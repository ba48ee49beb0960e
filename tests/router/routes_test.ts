// Each family of routes: which leg sees what, and what goes whole.

import { expect, test } from "bun:test";
import { mooncake } from "../../kv/mooncake.ts";
import { completion, decodeBody, makeFakeFleet, prefillBody, replyParams } from "./fake_fleet.ts";

const chat = { model: "tiny", messages: [{ role: "user", content: "Hi" }] };

interface Row {
  readonly path: string;
  readonly workerPath?: string;
  readonly body: Record<string, unknown>;
  /** Members of the prefill leg besides those that stay and the KV params. */
  readonly limits: Record<string, unknown>;
}

const rows: readonly Row[] = [
  { path: "/v1/completions", body: completion({ max_tokens: 9 }), limits: { max_tokens: 1 } },
  {
    path: "/v1/chat/completions",
    body: { ...chat, max_completion_tokens: 9 },
    limits: { max_tokens: 1, max_completion_tokens: 1 },
  },
  {
    path: "/v1/responses",
    body: { model: "tiny", input: "Hi", max_output_tokens: 9, store: true },
    limits: { max_output_tokens: 1, store: false },
  },
  { path: "/v1/messages", body: { ...chat, max_tokens: 9 }, limits: { max_tokens: 1 } },
  {
    path: "/v1/chat/completions/tokens",
    body: { ...chat, tokens: [1, 2, 3], max_tokens: 9 },
    limits: { max_tokens: 1, max_completion_tokens: 1 },
  },
  {
    path: "/chat/completions/tokens",
    workerPath: "/v1/chat/completions/tokens",
    body: { ...chat, tokens: [1, 2, 3], max_tokens: 9 },
    limits: { max_tokens: 1, max_completion_tokens: 1 },
  },
];

for (const { path, workerPath = path, body, limits } of rows) {
  test(`${path} is split: prefill is asked for one token by its own fields, decode as the client wrote`, async () => {
    const fleet = makeFakeFleet();
    const response = await fleet.post(path, body);
    expect(response.status).toBe(200);
    expect(response.headers.get("x-pdserve-handoff")).toBe("NixlConnector");
    const [prefill, decode] = fleet.calls;
    expect([prefill!.path, decode!.path]).toEqual([workerPath, workerPath]);
    const { kv_transfer_params: asked, ...rest } = prefill!.json;
    expect(asked.do_remote_decode).toBe(true);
    expect(rest).toEqual({ ...body, stream: false, ...limits });
    expect(decode!.json).toEqual({ ...body, kv_transfer_params: replyParams });
  });
}

const generate = {
  model: "tiny",
  token_ids: [1, 2, 3],
  sampling_params: { max_tokens: 9, min_tokens: 4, temperature: 0.5, extra_args: { mine: 1 } },
};

test("/inference/v1/generate is split: limits and KV params stand in its sampling_params too", async () => {
  const fleet = makeFakeFleet();
  const response = await fleet.post("/inference/v1/generate", generate);
  expect(response.status).toBe(200);
  const [prefill, decode] = fleet.calls.map((call) => call.json);
  expect(prefill).toEqual({
    ...generate,
    stream: false,
    kv_transfer_params: prefill.kv_transfer_params,
    sampling_params: {
      temperature: 0.5,
      max_tokens: 1,
      extra_args: { mine: 1, kv_transfer_params: prefill.kv_transfer_params },
    },
  });
  expect(prefill.kv_transfer_params.do_remote_decode).toBe(true);
  expect(decode).toEqual({
    ...generate,
    kv_transfer_params: replyParams,
    sampling_params: { ...generate.sampling_params, extra_args: { mine: 1, kv_transfer_params: replyParams } },
  });
});

for (
  const [reason, sampling_params] of [
    ["n", { n: 2 }],
    ["prompt_logprobs", { max_tokens: 1, prompt_logprobs: 1 }],
    ["token_limit", { max_tokens: 0 }],
    ["sampling_params", "none"],
    ["sampling_params", undefined],
  ] as const
) {
  test(`/inference/v1/generate with ${JSON.stringify(sampling_params)} goes whole to decode`, async () => {
    const fleet = makeFakeFleet();
    const response = await fleet.post("/inference/v1/generate", { token_ids: [1], sampling_params });
    expect(response.headers.get("x-pdserve-handoff")).toBe(`none; reason=${reason}`);
    expect(fleet.calls.map(({ worker }) => worker)).toEqual(["decode-0"]);
    expect(fleet.calls[0]!.json).toEqual({ token_ids: [1], ...(sampling_params && { sampling_params }) });
  });
}

for (
  const path of [
    "/tokenize",
    "/detokenize",
    "/v1/embeddings",
    "/v2/embed",
    "/pooling",
    "/classify",
    "/score",
    "/rerank",
    "/v1/chat/completions/batch",
    "/v1/messages/count_tokens",
    "/v1/images/generations",
    "/v1/some/future-route",
    "/some/future-route",
    "/api/chat",
    "/v1/models/org%2Ftiny",
    "/v1/skills",
    "/invocations",
  ]
) {
  test(`${path} goes to one worker as it is`, async () => {
    const fleet = makeFakeFleet();
    const response = await fleet.post(`${path}?a=1`, '{"input": "x" , "big": 9007199254740993}');
    expect(await response.json()).toEqual(decodeBody);
    expect(response.headers.get("x-pdserve-handoff")).toBe("none; reason=route");
    expect(fleet.calls.map(({ worker, path, text }) => [worker, path, text])).toEqual([
      ["decode-0", `${path}?a=1`, '{"input": "x" , "big": 9007199254740993}'],
    ]);
  });
}

for (
  const path of [
    "/pause",
    "/sleep",
    "/update_weights",
    "/init_broadcaster",
    "/collective_rpc",
    "/reset_prefix_cache",
    "/v1/load_lora_adapter",
    "/v1/unload_lora_adapter",
    "/inference/v1/abort_requests",
    "/server_info",
    "/kv_event_sources",
    "/scale_elastic_ep",
    "/fault_tolerance/apply",
    "/some/future/weights",
    "/set_internal_state",
    "/slow_down",
    "/v1/../pause",
    "/v1/%2e%2e/pause",
    "/%70ause",
    "/%2570ause",
    "/v1/x%2f..%2fpause",
    "/v1/%ff",
    "/workers",
  ]
) {
  test(`an administrator's path is no client's, and says how it can be asked: ${path}`, async () => {
    const fleet = makeFakeFleet();
    const response = await fleet.post(path, {});
    expect(response.status).toBe(404);
    expect((await fleet.errorOf(response)).message).toContain("--admin-key");
    expect(fleet.calls).toHaveLength(0);
  });
}

for (const method of ["GET", "PUT", "PATCH", "DELETE"]) {
  test(`${method} of a path that only a later engine knows goes to one worker`, async () => {
    const fleet = makeFakeFleet();
    const response = await fleet.router.fetch(new Request("http://router/next/thing/7", { method }));
    expect(response.status).toBe(200);
    expect(fleet.calls.map((call) => `${call.method} ${call.path}`)).toEqual([`${method} /next/thing/7`]);
  });
}

const invocations: readonly (readonly [what: string, body: Record<string, unknown>, handoff: string])[] = [
  ["a chat", { ...chat, max_completion_tokens: 9 }, "NixlConnector"],
  ["a completion", completion(), "NixlConnector"],
  ["several prompts", completion({ prompt: ["a", "b"] }), "none; reason=several_prompts"],
  ["two answers of a chat", { ...chat, n: 2 }, "none; reason=n"],
  ["members of both APIs", { ...chat, prompt: ["a", "b"] }, "none; reason=route"],
  ["messages of no kind", { messages: "Hi" }, "none; reason=route"],
  ["texts to embed", { input: ["a", "b"] }, "none; reason=route"],
];

for (const [what, body, handoff] of invocations) {
  test(`SageMaker's /invocations with ${what}: ${handoff}`, async () => {
    const fleet = makeFakeFleet();
    const response = await fleet.post("/invocations", body);
    expect(response.status).toBe(200);
    expect(response.headers.get("x-pdserve-handoff")).toBe(handoff);
    const isSplit = handoff === "NixlConnector";
    expect(fleet.calls.map(({ worker, path }) => `${worker} ${path}`)).toEqual(
      isSplit ? ["prefill-0 /invocations", "decode-0 /invocations"] : ["decode-0 /invocations"],
    );
    if (isSplit) expect(fleet.calls[0]!.json).toMatchObject({ max_tokens: 1, stream: false });
    else expect(fleet.calls[0]!.json).toEqual(body);
  });
}

test("SageMaker's POST /ping is answered as its GET is", async () => {
  const fleet = makeFakeFleet();
  expect((await fleet.post("/ping", {})).status).toBe(200);
  expect(fleet.calls).toHaveLength(0);
});

for (
  const body of [
    { ...generate, sampling_params: { extra_args: { kv_transfer_params: { do_remote_prefill: true } } } },
    { ...completion(), vllm_xargs: { kv_transfer_params: "x" } },
    { ...completion(), vllm_xargs: { ec_transfer_params: 1 }, n: 2 },
    `{"prompt":"a","vllm_xargs":{"kv_transfer\\u005fparams":1},"vllm_xargs":{}}`,
  ]
) {
  test(`KV params hidden among extra arguments are refused: ${JSON.stringify(body).slice(0, 80)}`, async () => {
    const fleet = makeFakeFleet();
    const path = typeof body === "object" && "token_ids" in body ? "/inference/v1/generate" : "/v1/completions";
    const response = await fleet.post(path, body);
    expect(response.status).toBe(400);
    expect((await fleet.errorOf(response)).message).toContain("KV transfer params");
    expect(fleet.calls).toHaveLength(0);
  });
}

test("a connector whose prefill may drop the KV on some routes serves those whole", async () => {
  const fleet = makeFakeFleet({ connector: mooncake });
  const response = await fleet.post("/v1/messages", { ...chat, max_tokens: 9 });
  expect(response.headers.get("x-pdserve-handoff")).toBe("none; reason=connector");
});

test("GET /v1/models joins the workers' lists, adapters included, and names each model once", async () => {
  const fleet = makeFakeFleet({ workers: ["prefill-0", "decode-0", "decode-1", "regular-0"] });
  const list = (...ids: string[]) => ({ object: "list", data: ids.map((id) => ({ id, max_model_len: 8192 })) });
  fleet.script("decode-0", (call) => call.answer(200, list("tiny", "lora-a")));
  fleet.script("decode-1", (call) => call.answer(200, list("tiny", "lora-b")));
  fleet.script("regular-0", (call) => call.answer(200, "not JSON"));
  const response = await fleet.router.fetch(new Request("http://router/v1/models"));
  expect((await response.json() as { data: { id: string }[] }).data.map(({ id }) => id).toSorted()).toEqual([
    "lora-a",
    "lora-b",
    "tiny",
  ]);
});

test("the prefill worker's answer to a chat of tokens is read like any other", async () => {
  const fleet = makeFakeFleet();
  fleet.script("prefill-0", (call) => call.answer(200, { ...prefillBody, kv_transfer_params: null }));
  const response = await fleet.post("/chat/completions/tokens", { ...chat, tokens: [1] });
  expect(response.status).toBe(502);
});
