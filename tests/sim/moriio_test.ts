// MoRIIOConnector on two simulated engines: reading, writing, and what goes wrong.

import { expect, setDefaultTimeout, test } from "bun:test";
import { complete, engineState, type Params, PROMPT, startPair, textOf, violationsOf } from "./pair.ts";
import { freePort, startSim, TEST_LIMIT_MS, until } from "./start_sim.ts";

setDefaultTimeout(TEST_LIMIT_MS);

const ask = { do_remote_decode: true, do_remote_prefill: false, remote_engine_id: null, remote_block_ids: null };

test("reading: prefill's params, flat block ids in them, give decode the whole prompt", async () => {
  const { P, D, stop } = await startMoriio({ read_mode: true });
  const { kv_transfer_params: params } = await complete(P, {
    prompt: PROMPT,
    max_tokens: 1,
    kv_transfer_params: { ...ask, transfer_id: "tx-1" },
  });
  expect(params).toMatchObject({ do_remote_prefill: true, transfer_id: "tx-1", remote_block_ids: [1, 2, 3] });
  expect(await textOf(D, { kv_transfer_params: params })).toBe(await plainText());
  await until(async () => (await engineState(P)).blocksUsed === 0);
  await stop();
});

test("writing: either leg may come first", async () => {
  const { P, D, ports, stop } = await startMoriio({});
  for (const [transferId, decodeFirst] of [["tx-1", true], ["tx-2", false]] as const) {
    const prompt = `${transferId} ${PROMPT}`;
    const legs = {
      prefill: () => complete(P, { prompt, max_tokens: 1, kv_transfer_params: { ...ask, transfer_id: transferId } }),
      decode: () => textOf(D, { prompt, kv_transfer_params: fromPrefill(ports.P, transferId) }),
    };
    if (!decodeFirst) await legs.prefill();
    const text = legs.decode();
    if (decodeFirst) {
      await until(async () => (await engineState(D)).loading === 1);
      await legs.prefill();
    }
    expect(await text).toBe(await plainText(prompt));
    await until(async () => (await engineState(P)).blocksUsed === 0);
  }
  await stop();
});

test("writing: a decode request without params waits for ever", async () => {
  const { D, stop } = await startMoriio({});
  const text = textOf(D).then(() => "answered", () => "cut");
  await until(async () => (await violationsOf(D)).includes("E14"));
  await stop();
  expect(await text).toBe("cut");
});

test("reading: a decode request without params is answered with nonsense", async () => {
  const { D, stop } = await startMoriio({ read_mode: true });
  expect(await textOf(D)).not.toBe(await plainText());
  expect(await violationsOf(D)).toEqual(["E14"]);
  await stop();
});

test("a prefill whose only token stops sends nothing", async () => {
  const { P, stop } = await startMoriio({ read_mode: true }, ["--sim-first-token-eos"]);
  const { kv_transfer_params: params } = await complete(P, {
    prompt: PROMPT,
    max_tokens: 1,
    kv_transfer_params: { ...ask, transfer_id: "tx-1" },
  });
  expect(params).toBeNull();
  expect(await violationsOf(P)).toEqual(["E12"]);
  await stop();
});

function fromPrefill(notifyPort: number, transferId: string): Params {
  const where = { remote_host: "127.0.0.1", remote_notify_port: notifyPort, remote_handshake_port: notifyPort };
  return { do_remote_decode: false, do_remote_prefill: true, transfer_id: transferId, ...where };
}

async function startMoriio(extra: Params, prefillArgs: readonly string[] = []) {
  const ports = {
    P: await freePort(),
    D: await freePort(),
    handshakeP: await freePort(),
    handshakeD: await freePort(),
  };
  const side = (notify_port: number, handshake_port: number) => ({
    kv_connector_extra_config: { ...extra, host_ip: "127.0.0.1", http_port: 1, notify_port, handshake_port },
  });
  const pair = await startPair({ kv_connector: "MoRIIOConnector" }, {
    prefill: { connector: side(ports.P, ports.handshakeP), args: prefillArgs },
    decode: { connector: side(ports.D, ports.handshakeD) },
  });
  return { ...pair, ports };
}

async function plainText(prompt = PROMPT): Promise<string> {
  const plain = await startSim();
  const text = await textOf(plain, { prompt });
  await plain.stop();
  return text;
}
