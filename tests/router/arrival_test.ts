// A connector whose decode leg waits for prefill's word that the KV has arrived.

import { expect, test } from "bun:test";
import { findConnector } from "../../kv/index.ts";
import { pushMessage } from "../../sim/peer/zmq_push.ts";
import { freePort, until } from "../sim/start_sim.ts";
import { type Call, completion, decodeBody, makeFakeFleet } from "./fake_fleet.ts";

test("decode is asked after prefill's answer and its word, in whatever order they come", async () => {
  for (const wordFirst of [true, false]) {
    const { fleet, port } = await makeAnnounced();
    const prefill = Promise.withResolvers<Call>();
    fleet.script("prefill-0", prefill.resolve);
    const response = fleet.post("/v1/completions", completion());
    const call = await prefill.promise;
    const word = () => pushMessage("127.0.0.1", port, notif(call.json.kv_transfer_params.disagg_spec.req_id));
    const answer = () => call.answer(200, { choices: [{ text: "x" }] });
    if (wordFirst) await word();
    else answer();
    expect(fleet.callsTo("decode-0")).toEqual([]);
    if (wordFirst) answer();
    else await word();
    expect(await (await response).json()).toEqual(decodeBody);
    expect(fleet.callsTo("decode-0")[0]?.json).not.toHaveProperty("kv_transfer_params");
  }
});

test("without the word nothing is sent to decode, which would compute the prompt: 502 after --handoff-timeout", async () => {
  const { fleet } = await makeAnnounced();
  fleet.script("prefill-0", (call) => call.answer(200, { choices: [{ text: "x" }] }));
  const response = fleet.post("/v1/completions", completion());
  await until(() => fleet.callsTo("prefill-0").length === 1);
  let isOver = false;
  void response.then(() => isOver = true);
  await until(() => {
    fleet.clock.nowMs += 5_001;
    return isOver;
  });
  const { status } = await response;
  expect(status).toBe(502);
  expect(await fleet.errorOf(await response)).toMatchObject({ leg: "prefill", src: "pdserve" });
  expect(fleet.callsTo("decode-0")).toEqual([]);
});

test("a client that leaves while the word is waited for ends the request", async () => {
  const { fleet } = await makeAnnounced();
  fleet.script("prefill-0", (call) => call.answer(200, { choices: [{ text: "x" }] }));
  const client = new AbortController();
  const response = fleet.post("/v1/completions", completion(), { signal: client.signal });
  await until(() => fleet.callsTo("prefill-0").length === 1);
  client.abort();
  await response.catch(() => null);
  await until(() => fleet.router.inFlight() === 0);
  expect(fleet.callsTo("decode-0")).toEqual([]);
});

async function makeAnnounced() {
  const { connector } = findConnector("LMCacheConnectorV1", { "lmcache.enable_pd": true });
  const fleet = makeFakeFleet({ connector, leaseMs: null, settings: { handoffTimeoutMs: 5_000, maxAttempts: 1 } });
  const port = await freePort();
  const ports = { pd_proxy: port, pd_init: 7300, pd_alloc: 7400 };
  fleet.change((snapshot) => ({
    ...snapshot,
    workers: snapshot.workers.map((worker) => ({ ...worker, facts: { ...worker.facts, ports } })),
  }));
  return { fleet, port };
}

function notif(id: string): Uint8Array {
  const text = (value: string) =>
    Buffer.concat([Buffer.from(value.length < 32 ? [0xa0 + value.length] : [0xd9, value.length]), Buffer.from(value)]);
  return Buffer.concat([Buffer.from([0x82]), ...["type", "ProxyNotif", "req_id", id].map(text)]);
}
