// The routes: what pdserve answers itself, what it refuses, and in which shape.

import { expect, test } from "bun:test";
import { completion, type FakeFleet, makeFakeFleet, until } from "./fake_fleet.ts";

const get = async (fleet: FakeFleet, path: string, init?: RequestInit) =>
  await fleet.router.fetch(new Request(`http://router${path}`, init));

test("/health is 200 whatever the workers do", async () => {
  const fleet = makeFakeFleet({ workers: [] });
  expect((await get(fleet, "/health")).status).toBe(200);
});

test("/ready is 200 with a prefill and a decode worker, else 503 with the reason and Retry-After", async () => {
  expect((await get(makeFakeFleet(), "/ready")).status).toBe(200);
  const response = await get(makeFakeFleet({ workers: ["prefill-0"] }), "/ready");
  expect(response.status).toBe(503);
  expect(response.headers.get("retry-after")).toBe("2");
  expect(await response.json()).toEqual({
    ready: false,
    reason: "No decode worker is ready",
    workers: [{ name: "prefill-0", role: "prefill", state: "ready" }],
  });
});

test("/ready is 503 as soon as a sole worker is down, and requests are refused with Retry-After", async () => {
  const fleet = makeFakeFleet();
  fleet.change((snapshot) => ({
    ...snapshot,
    workers: snapshot.workers.map((worker) =>
      worker.facts.role === "decode" ? { ...worker, state: { is: "stopped" as const } } : worker
    ),
  }));
  expect((await get(fleet, "/ready")).status).toBe(503);
  const response = await fleet.post("/v1/completions", completion());
  expect(response.status).toBe(503);
  expect(response.headers.get("retry-after")).toBe("2");
  expect(fleet.calls).toHaveLength(0);
});

test("a fleet that starts or drains takes no requests", async () => {
  for (const phase of ["starting", "draining", "stopped"] as const) {
    const fleet = makeFakeFleet();
    fleet.change((snapshot) => ({ ...snapshot, phase }));
    const response = await fleet.post("/v1/completions", completion());
    expect(response.status).toBe(503);
    expect((await fleet.errorOf(response)).src).toBe("pdserve");
  }
});

test("/v1/models is a worker's own list, and the served name while none can be asked", async () => {
  const fleet = makeFakeFleet();
  const list = { object: "list", data: [{ id: "tiny", max_model_len: 512 }] };
  fleet.script("decode-0", (call) => call.answer(200, list));
  expect(await (await get(fleet, "/v1/models")).json()).toEqual(list);
  const none = await (await get(makeFakeFleet({ workers: [] }), "/v1/models")).json();
  expect(none).toMatchObject({ object: "list", data: [{ id: "tiny", object: "model" }] });
});

test("/version names the engine's version where vLLM's clients look for it", async () => {
  expect(await (await get(makeFakeFleet(), "/version")).json()).toEqual({
    version: "0.32.0",
    engine: "vllm",
    pdserve: "0.1.0",
  });
});

test("/metrics?workers=1 adds each worker's series with its name and role", async () => {
  const fleet = makeFakeFleet({ workers: ["prefill-0", "decode-0"] });
  const text = '# TYPE vllm:x counter\nvllm:x_total{engine="0"} 3.0\nplain 1\n';
  for (const name of ["prefill-0", "decode-0"]) fleet.script(name, (call) => call.answer(200, text));
  const merged = await (await get(fleet, "/metrics?workers=1")).text();
  expect(merged).toContain('vllm:x_total{worker="prefill-0",role="prefill",engine="0"} 3.0\n');
  expect(merged).toContain('plain{worker="decode-0",role="decode"} 1\n');
  expect(await (await get(fleet, "/metrics")).text()).not.toContain("vllm:x");
});

test("unknown paths and wrong methods are answered in the API's shape", async () => {
  const fleet = makeFakeFleet();
  const missing = await get(fleet, "/");
  expect(missing.status).toBe(404);
  expect(await fleet.errorOf(missing)).toMatchObject({ type: "NotFoundError", code: 404, src: "pdserve" });
  const wrong = await get(fleet, "/v1/completions");
  expect(wrong.status).toBe(405);
  expect(wrong.headers.get("allow")).toBe("POST");
  expect((await fleet.errorOf(wrong)).code).toBe(405);
});

test("an engine's administrative routes are not for clients", async () => {
  const fleet = makeFakeFleet();
  for (const path of ["/pause", "/reset_prefix_cache", "/collective_rpc", "/v1/load_lora_adapter", "/sleep"]) {
    expect((await fleet.post(path, {})).status).toBe(404);
  }
  expect(fleet.calls).toHaveLength(0);
});

test("with an API key, requests without it are refused and probes are not", async () => {
  const fleet = makeFakeFleet({ settings: { apiKeys: ["secret", "another"] } });
  const refused = await fleet.post("/v1/completions", completion(), { headers: { authorization: "Bearer wrong" } });
  expect(refused.status).toBe(401);
  expect(refused.headers.get("www-authenticate")).toBe("Bearer");
  expect((await get(fleet, "/v1/models")).status).toBe(401);
  expect(fleet.calls).toHaveLength(0);
  expect((await get(fleet, "/ready")).status).toBe(200);
  const given = await fleet.post("/v1/completions", completion(), { headers: { authorization: "bearer secret" } });
  expect(given.status).toBe(200);
  expect((await fleet.post("/v1/messages", completion(), { headers: { "x-api-key": "secret" } })).status).toBe(200);
});

const bad: readonly (readonly [what: string, body: string, status: number])[] = [
  ["an empty body", "", 400],
  ["a truncated body", '{"model":"tiny","prompt":', 400],
  ["an array", "[1]", 400],
  ["a string", '"x"', 400],
  ["two documents", "{}{}", 400],
  ["a body over the limit", `{"prompt":"${"x".repeat(1024 * 1024)}"}`, 413],
];

for (const [what, body, status] of bad) {
  test(`${what} is answered ${status} and reaches no worker`, async () => {
    const fleet = makeFakeFleet();
    for (const path of ["/v1/completions", "/v1/chat/completions", "/tokenize"]) {
      if (body === "" && path === "/tokenize") continue;
      const response = await fleet.post(path, body);
      expect(response.status).toBe(status);
      expect(await fleet.errorOf(response)).toMatchObject({ code: status, src: "pdserve" });
    }
    expect(fleet.calls).toHaveLength(0);
  });
}

test("a body announced as too large is refused before it is read", async () => {
  const fleet = makeFakeFleet();
  const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1024)) });
  const headers = { "content-length": String(10 * 1024 * 1024) };
  const response = await get(fleet, "/v1/completions", { method: "POST", body: endless, headers });
  expect(response.status).toBe(413);
});

test("other routes of the engine go to one worker, their query and form bodies as they are", async () => {
  const fleet = makeFakeFleet();
  await fleet.post("/tokenize?x=1", { prompt: "a", kv_transfer_params: {} });
  expect(fleet.calls[0]).toMatchObject({ worker: "decode-0", path: "/tokenize?x=1", json: { prompt: "a" } });
  const form = "--b\r\ncontent-disposition: form-data\r\n\r\nx\r\n--b--";
  await fleet.post("/v1/audio/transcriptions", form, {
    headers: { "content-type": "multipart/form-data; boundary=b" },
  });
  expect(fleet.calls[1]!.text).toBe(form);
  await get(fleet, "/v1/responses/resp_1");
  expect(fleet.calls[2]).toMatchObject({ method: "GET", path: "/v1/responses/resp_1", text: "" });
});

test("R9: beyond in-flight and queue limits a request is 429 with Retry-After, and the queue is served in order", async () => {
  const fleet = makeFakeFleet({ settings: { maxInFlight: 1, maxQueue: 2 } });
  fleet.script("prefill-0", () => {});
  const answers = [0, 1, 2].map((i) => fleet.post("/v1/completions", completion({ seed: i })));
  await until(() => fleet.metric("pdserve_queued") === 2);
  const refused = await fleet.post("/v1/completions", completion());
  expect(refused.status).toBe(429);
  expect(refused.headers.get("retry-after")).toBe("1");
  expect(await fleet.errorOf(refused)).toMatchObject({ phase: "queue", src: "pdserve" });
  for (const seed of [0, 1, 2]) {
    await until(() => fleet.calls.length === seed + 1);
    expect(fleet.calls[seed]!.json.seed).toBe(seed);
    fleet.calls[seed]!.answer(400, {});
    expect((await answers[seed]!).status).toBe(400);
  }
});

test("R9: handoffs per prefill worker are bounded, and the next one starts when decode has begun", async () => {
  const fleet = makeFakeFleet({ settings: { maxHandoffs: 1 } });
  fleet.script("decode-0", () => {});
  void fleet.post("/v1/completions", completion());
  await until(() => fleet.callsTo("decode-0").length === 1);
  void fleet.post("/v1/completions", completion());
  await new Promise((resolve) => setImmediate(resolve));
  expect(fleet.callsTo("prefill-0")).toHaveLength(1);
  fleet.callsTo("decode-0")[0]!.answer(200, { choices: [] });
  await until(() => fleet.callsTo("prefill-0").length === 2);
});

test("onIdle() calls back when the last request has ended", async () => {
  const fleet = makeFakeFleet();
  fleet.script("prefill-0", () => {});
  const answering = fleet.post("/v1/completions", completion());
  await until(() => fleet.calls.length === 1);
  expect(fleet.router.inFlight()).toBe(1);
  let idle = false;
  fleet.router.onIdle(() => idle = true);
  expect(idle).toBe(false);
  fleet.calls[0]!.answer(400, {});
  await answering;
  expect(idle).toBe(true);
  expect(fleet.router.inFlight()).toBe(0);
});

test("the access log has a line per request with its workers and times, and nothing of its body", async () => {
  const fleet = makeFakeFleet();
  await fleet.post("/v1/completions", completion({ prompt: "private words" }), { headers: { "x-request-id": "r1" } });
  fleet.router.close();
  const line = fleet.accessLog.join("");
  expect(JSON.parse(line)).toMatchObject({
    request_id: "r1",
    status: 200,
    prefill: "prefill-0",
    decode: "decode-0",
    handoff: "NixlConnector",
    end: "complete",
  });
  expect(line).not.toContain("private");
});

test("probes by the names other routers have for them", async () => {
  const fleet = makeFakeFleet();
  for (const path of ["/liveness", "/ping", "/readiness", "/health_generate"]) {
    expect((await get(fleet, path)).status).toBe(200);
  }
  expect(await (await get(fleet, "/load")).json()).toEqual({ server_load: 0 });
  const empty = makeFakeFleet({ workers: ["prefill-0"] });
  expect([(await get(empty, "/liveness")).status, (await get(empty, "/readiness")).status]).toEqual([200, 503]);
});
