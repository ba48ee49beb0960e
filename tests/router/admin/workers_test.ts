// Workers that come and go while the router runs.

import { expect, test } from "bun:test";
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
