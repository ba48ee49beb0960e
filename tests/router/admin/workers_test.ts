// Workers that come and go while the router runs.

import { expect, onTestFinished, test } from "bun:test";
import { completion, decodeBody, type FakeFleet, makeFakeFleet, until } from "../fake_fleet.ts";

async function ask(fleet: FakeFleet, method: string, path: string, body?: unknown) {
  const init = { method, ...(body !== undefined && { body: JSON.stringify(body) }) };
  return await fleet.router.admin(new Request(`http://admin${path}`, init));
}

// deno-lint-ignore no-explicit-any
async function json(response: Response): Promise<any> {
  return await response.json();
}

const decodeUrl = "http://127.0.0.1:9101";

function fleetWithHealth(workers?: readonly string[]): FakeFleet {
  const fleet = makeFakeFleet(workers && { workers });
  fleet.script("127.0.0.1:9101", (call) => call.answer(200, call.path === "/health" ? "" : decodeBody));
  return fleet;
}

const typesOf = async (fleet: FakeFleet) => {
  const list = await json(await ask(fleet, "GET", "/workers"));
  return list.workers.map(({ id, state }: { id: string; state: string }) => `${id} ${state}`);
};

test("POST /workers takes a worker in once it answers /health, and requests reach it", async () => {
  const fleet = fleetWithHealth(["prefill-0"]);
  expect((await fleet.post("/v1/completions", completion())).status).toBe(503);
  const response = await ask(fleet, "POST", "/workers", { url: decodeUrl, worker_type: "decode" });
  expect(response.status).toBe(202);
  const { worker_id, location } = await json(response);
  expect(location).toBe(`/workers/${worker_id}`);
  await until(() => fleet.metric(`pdserve_worker_ready{worker="${worker_id}",role="decode"}`) === 1);
  const served = await fleet.post("/v1/completions", completion());
  expect(served.status).toBe(200);
  expect(served.headers.get("x-pdserve-decode")).toBe(worker_id);
});

test("a worker that does not answer yet is listed, but gets no request", async () => {
  const fleet = makeFakeFleet();
  fleet.script("127.0.0.1:9101", (call) => call.answer(503, ""));
  await ask(fleet, "POST", "/workers", { url: decodeUrl, worker_type: "decode" });
  expect(await typesOf(fleet)).toEqual(["prefill-0 ready", "decode-0 ready", "decode-added-0 starting"]);
  for (let i = 0; i < 3; i++) {
    expect((await fleet.post("/v1/completions", completion())).headers.get("x-pdserve-decode")).toBe("decode-0");
  }
});

for (const id of [decodeUrl, encodeURIComponent(decodeUrl), "decode-added-0"]) {
  test(`DELETE /workers/${id}: no new request, what runs ends, then it is forgotten`, async () => {
    const fleet = fleetWithHealth(["prefill-0"]);
    await ask(fleet, "POST", "/workers", { url: decodeUrl, worker_type: "decode" });
    await until(() => fleet.metric('pdserve_worker_ready{worker="decode-added-0",role="decode"}') === 1);
    expect((await ask(fleet, "DELETE", `/workers/${id}`)).status).toBe(202);
    expect(await typesOf(fleet)).toEqual(["prefill-0 ready"]);
    expect((await fleet.post("/v1/completions", completion())).status).toBe(503);
    expect((await ask(fleet, "DELETE", `/workers/${id}`)).status).toBe(404);
  });
}

test("a worker is removed while it answers: its request ends well", async () => {
  const fleet = makeFakeFleet();
  fleet.script("decode-0", () => {});
  const answering = fleet.post("/v1/completions", completion());
  await until(() => fleet.callsTo("decode-0").length === 1);
  await ask(fleet, "DELETE", "/workers/decode-0");
  expect(await typesOf(fleet)).toEqual(["prefill-0 ready", "decode-0 draining"]);
  fleet.callsTo("decode-0")[0]!.answer(200, decodeBody);
  expect((await answering).status).toBe(200);
});

test("GET /workers has SMG's members, with the role's counts", async () => {
  const fleet = makeFakeFleet({ workers: ["prefill-0", "prefill-1", "decode-0"] });
  const list = await json(await ask(fleet, "GET", "/workers"));
  expect(list).toMatchObject({ total: 3, stats: { prefill_count: 2, decode_count: 1, regular_count: 0 } });
  expect(list.workers[0]).toMatchObject({
    ...{ id: "prefill-0", url: "http://prefill-0", worker_type: "prefill", is_healthy: true, load: 0 },
    ...{ model_id: "tiny", connection_mode: "http", bootstrap_port: 8998 },
  });
  expect(await (await ask(fleet, "GET", "/workers/prefill-0")).json()).toEqual(list.workers[0]);
  expect(await (await ask(fleet, "GET", "/list_workers")).json()).toEqual({
    urls: ["http://prefill-0", "http://prefill-1", "http://decode-0"],
  });
});

test("vllm-router's older routes add and remove by URL", async () => {
  const fleet = fleetWithHealth();
  const added = await ask(fleet, "POST", `/add_worker?url=${encodeURIComponent(decodeUrl)}&worker_type=decode`);
  expect([added.status, await added.text()]).toEqual([200, `Successfully added worker: ${decodeUrl}`]);
  const removed = await ask(fleet, "POST", `/remove_worker?url=${encodeURIComponent(decodeUrl)}`);
  expect([removed.status, await removed.text()]).toEqual([200, `Successfully removed worker: ${decodeUrl}`]);
  expect((await ask(fleet, "POST", "/remove_worker?url=http://none")).status).toBe(404);
});

for (const body of [{}, { url: "not a url" }, { url: "ftp://host" }, { url: decodeUrl, worker_type: "boss" }, "text"]) {
  test(`POST /workers refuses ${JSON.stringify(body)}`, async () => {
    const fleet = makeFakeFleet();
    expect((await ask(fleet, "POST", "/workers", body)).status).toBe(400);
    expect(fleet.calls).toHaveLength(0);
  });
}

test("what was added and removed outlives a reload: a ready worker serves, one that still starts is waited for", async () => {
  const fleet = fleetWithHealth(["prefill-0", "prefill-1"]);
  let isUp = false;
  fleet.script("127.0.0.1:9102", (call) => call.answer(isUp ? 200 : 503, call.path === "/health" ? "" : decodeBody));
  await ask(fleet, "POST", "/workers", { url: decodeUrl, worker_type: "decode" });
  await ask(fleet, "POST", "/workers", { url: "http://127.0.0.1:9102", worker_type: "decode" });
  await ask(fleet, "DELETE", "/workers/prefill-0");
  await until(() => fleet.metric('pdserve_worker_ready{worker="decode-added-0",role="decode"}') === 1);
  const next = fleet.anotherRouter();
  onTestFinished(() => next.close());
  await fleet.router.close();

  const read = async () => await json(await next.admin(new Request("http://admin/workers")));
  expect((await read()).workers.map(({ id, state }: { id: string; state: string }) => `${id} ${state}`)).toEqual([
    "prefill-0 draining",
    "prefill-1 ready",
    "decode-added-0 ready",
    "decode-added-1 starting",
  ]);
  const body = JSON.stringify(completion());
  const served = await next.fetch(new Request("http://router/v1/completions", { method: "POST", body }));
  expect([served.headers.get("x-pdserve-prefill"), served.headers.get("x-pdserve-decode")]).toEqual([
    "prefill-1",
    "decode-added-0",
  ]);
  isUp = true;
  while (!(await read()).workers.at(-1).is_healthy) await new Promise((resolve) => setImmediate(resolve));
});

test("a worker removed before a reload is forgotten when the router before it has ended", async () => {
  const fleet = fleetWithHealth(["prefill-0"]);
  await ask(fleet, "POST", "/workers", { url: decodeUrl, worker_type: "decode" });
  await until(() => fleet.metric('pdserve_worker_ready{worker="decode-added-0",role="decode"}') === 1);
  fleet.script("127.0.0.1:9101", () => {});
  const answering = fleet.post("/v1/completions", completion());
  await until(() => fleet.callsTo("127.0.0.1:9101").some(({ path }) => path === "/v1/completions"));
  await ask(fleet, "DELETE", `/workers/decode-added-0`);
  const next = fleet.anotherRouter();
  onTestFinished(() => next.close());
  fleet.callsTo("127.0.0.1:9101").at(-1)!.answer(200, decodeBody);
  expect((await answering).status).toBe(200);
  await fleet.router.close();
  const list = async () => (await json(await next.admin(new Request("http://admin/workers")))).workers.length;
  while (await list() > 1) await new Promise((resolve) => setImmediate(resolve));
});
