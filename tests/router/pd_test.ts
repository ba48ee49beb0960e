// A request that is served as it should be: what each leg is sent, and what reaches the client.

import { expect, test } from "bun:test";
import { completion, decodeBody, events, eventStream, makeFakeFleet, replyParams } from "./fake_fleet.ts";

test("a completion is prefilled on one worker and answered by the other", async () => {
  const fleet = makeFakeFleet();
  const response = await fleet.post("/v1/completions", completion());
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual(decodeBody);
  expect(fleet.calls.map((call) => call.worker)).toEqual(["prefill-0", "decode-0"]);
});

test("the prefill leg asks for one token, no stream, and nothing that is only about the answer", async () => {
  const fleet = makeFakeFleet();
  await fleet.post(
    "/v1/completions",
    completion({ stream: true, stream_options: { include_usage: true }, min_tokens: 2 }),
  );
  expect(fleet.callsTo("prefill-0")[0]!.json).toEqual({
    model: "tiny",
    prompt: "Hello",
    stream: false,
    max_tokens: 1,
    kv_transfer_params: expect.objectContaining({ do_remote_decode: true }),
  });
});

test("the chat prefill leg limits both of chat's token limits", async () => {
  const fleet = makeFakeFleet();
  await fleet.post("/v1/chat/completions", {
    model: "tiny",
    messages: [],
    max_completion_tokens: 40,
    logprobs: true,
    top_logprobs: 2,
  });
  const sent = fleet.callsTo("prefill-0")[0]!.json;
  expect(sent).toMatchObject({ max_tokens: 1, max_completion_tokens: 1, stream: false });
  expect(sent).not.toHaveProperty("logprobs");
  expect(sent).not.toHaveProperty("top_logprobs");
});

test("R4: the decode leg carries prefill's params byte for byte, and never the client's", async () => {
  const fleet = makeFakeFleet();
  const exact = '{"do_remote_prefill":true,"remote_block_ids":[[1, 2]],"remote_engine_id":"engine-of-prefill",' +
    '"remote_request_id":"r","remote_host":"127.0.0.1","remote_port":5600,"tp_size":1,"later":9007199254740993}';
  fleet.script("prefill-0", (call) => call.answer(200, `{"choices":[],"kv_transfer_params": ${exact} }`));
  await fleet.post(
    "/v1/completions",
    completion({ kv_transfer_params: { do_remote_prefill: true }, ec_transfer_params: {} }),
  );
  const [prefill, decode] = [fleet.callsTo("prefill-0")[0]!, fleet.callsTo("decode-0")[0]!];
  expect(prefill.json.kv_transfer_params.do_remote_decode).toBe(true);
  expect(prefill.json).not.toHaveProperty("ec_transfer_params");
  expect(decode.text).toContain(`"kv_transfer_params":${exact}`);
  expect(decode.text.match(/kv_transfer_params/g)).toHaveLength(1);
  expect(decode.json).not.toHaveProperty("ec_transfer_params");
});

test("R4: KV params in decode's own answer do not reach the client", async () => {
  const fleet = makeFakeFleet();
  fleet.script("decode-0", (call) => call.answer(200, { ...decodeBody, kv_transfer_params: replyParams }));
  const response = await fleet.post("/v1/completions", completion());
  expect(await response.json()).toEqual({ ...decodeBody, kv_transfer_params: null });
});

test("R5: unknown members, large integers and other alphabets reach decode as they were written", async () => {
  const fleet = makeFakeFleet();
  const body =
    '{"model":"tiny", "prompt":"Grüße \\u4f60好","seed":9007199254740993,"temperature":0.10,"x_new":{"a": [1 ,2]}}';
  await fleet.post("/v1/completions", body);
  const decode = fleet.callsTo("decode-0")[0]!.text;
  expect(decode.startsWith(body.slice(0, -1))).toBe(true);
});

test("R5: the answer's bytes and content type are decode's", async () => {
  const fleet = makeFakeFleet();
  const odd = '{ "choices" :[ ],"n":1e400, "text":"\\ud800 é" }\n';
  fleet.script("decode-0", (call) => call.answer(200, odd, { "content-type": "application/json; x=y" }));
  const response = await fleet.post("/v1/completions", completion());
  expect(await response.text()).toBe(odd);
  expect(response.headers.get("content-type")).toBe("application/json; x=y");
});

test("a stream reaches the client event for event", async () => {
  const fleet = makeFakeFleet();
  const response = await fleet.post("/v1/completions", completion({ stream: true }));
  expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  expect(await response.text()).toBe(events.first + events.second + events.done);
});

test("the answer names the request, both workers and the connector, and no address", async () => {
  const fleet = makeFakeFleet();
  fleet.script(
    "decode-0",
    (call) => call.answer(200, decodeBody, { server: "uvicorn", "x-worker": "http://decode-0" }),
  );
  const response = await fleet.post("/v1/completions", completion(), { headers: { "x-request-id": "mine-1" } });
  expect(Object.fromEntries(response.headers)).toEqual({
    "content-type": "application/json",
    "x-request-id": "mine-1",
    "x-pdserve-prefill": "prefill-0",
    "x-pdserve-decode": "decode-0",
    "x-pdserve-handoff": "NixlConnector",
  });
});

test("both legs carry one attempt id that contains the client's request id", async () => {
  const fleet = makeFakeFleet();
  await fleet.post("/v1/completions", completion(), { headers: { "x-request-id": "mine-1" } });
  const [prefill, decode] = fleet.calls.map((call) => call.headers["x-request-id"]);
  expect(prefill).toMatch(/^mine-1-[0-9a-f]{12}$/);
  expect(decode).toBe(prefill!);
});

test("a request id that could forge a log line is replaced", async () => {
  const fleet = makeFakeFleet();
  const response = await fleet.post("/v1/completions", completion(), { headers: { "x-request-id": 'a" b' } });
  expect(response.headers.get("x-request-id")).toMatch(/^[0-9a-f]{32}$/);
});

test("both workers of each role take turns under round robin", async () => {
  const fleet = makeFakeFleet({ workers: ["prefill-0", "prefill-1", "decode-0", "decode-1"] });
  for (let i = 0; i < 4; i++) await fleet.post("/v1/completions", completion());
  for (const name of ["prefill-0", "prefill-1", "decode-0", "decode-1"]) expect(fleet.callsTo(name)).toHaveLength(2);
});

test("headers that belong to one connection or to the router do not reach workers", async () => {
  const fleet = makeFakeFleet({ workerApiKey: "run-key", settings: { apiKeys: ["secret", "another"] } });
  await fleet.post("/v1/completions", completion(), {
    headers: {
      authorization: "Bearer secret",
      connection: "keep-alive, x-hop",
      "x-hop": "1",
      te: "trailers",
      "x-data-parallel-rank": "3",
      "x-pdserve-handoff": "forged",
      "x-session-id": "s1",
      "accept-encoding": "gzip",
    },
  });
  for (const { headers } of fleet.calls) {
    expect(headers).toMatchObject({
      authorization: "Bearer run-key",
      "x-session-id": "s1",
      "accept-encoding": "identity",
    });
    for (const name of ["x-hop", "te", "connection", "x-data-parallel-rank", "x-pdserve-handoff", "host"]) {
      expect(headers).not.toHaveProperty(name);
    }
  }
});

test("without a key of the run or the router, workers see the client's own authorization", async () => {
  const fleet = makeFakeFleet();
  await fleet.post("/v1/completions", completion(), { headers: { authorization: "Bearer theirs" } });
  expect(fleet.calls.map((call) => call.headers.authorization)).toEqual(["Bearer theirs", "Bearer theirs"]);
});

test("decode's socket is never retried silently, prefill's may be", async () => {
  const fleet = makeFakeFleet();
  await fleet.post("/v1/completions", completion());
  expect(fleet.calls.map((call) => call.retryStaleSocket)).toEqual([true, false]);
});

test("a served request leaves a balanced ledger and its series", async () => {
  const fleet = makeFakeFleet();
  await (await fleet.post("/v1/completions", completion())).text();
  expect(fleet.metric('pdserve_kv_handles{state="done"}')).toBe(1);
  expect(fleet.metric('pdserve_kv_handles{state="spent"}')).toBe(0);
  expect(fleet.metric('pdserve_requests_total{path="/v1/completions",code="200",end="complete"}')).toBe(1);
  expect(fleet.metric('pdserve_handoffs_total{handoff="NixlConnector"}')).toBe(1);
  expect(fleet.metric("pdserve_in_flight")).toBe(0);
  expect(fleet.metric('pdserve_worker_in_flight{worker="decode-0",role="decode"}')).toBe(0);
});

test("handoffs are counted by pair, and streams by the time between their chunks", async () => {
  const fleet = makeFakeFleet();
  await (await fleet.post("/v1/completions", completion({ stream: true }))).text();
  expect(fleet.metric('pdserve_pair_handoffs_total{prefill="prefill-0",decode="decode-0"}')).toBe(1);
  expect(fleet.metric('pdserve_phase_seconds_count{phase="handoff"}')).toBe(1);
  fleet.script("decode-0", (call) => {
    call.head(200, eventStream);
    call.data(events.first);
  });
  const response = await fleet.post("/v1/completions", completion({ stream: true }));
  const reading = response.text();
  fleet.clock.nowMs += 80;
  await fleet.callsTo("decode-0").at(-1)!.data(events.second + events.done);
  fleet.callsTo("decode-0").at(-1)!.end();
  await reading;
  expect(fleet.metric("pdserve_inter_chunk_seconds_count")).toBe(1);
  expect(fleet.metric("pdserve_inter_chunk_seconds_sum")).toBe(0.08);
});
