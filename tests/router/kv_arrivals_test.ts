// The word of a prefill worker that its KV has arrived, as libzmq 4.3.5 and msgspec put it on the wire.

import { afterEach, expect, test } from "bun:test";
import { connect } from "node:net";
import type { LegContext } from "../../kv/connector.ts";
import { type KvArrivals, makeKvArrivals } from "../../router/kv_arrivals.ts";
import { freePort } from "../sim/start_sim.ts";

let arrivals: KvArrivals;
afterEach(() => arrivals.close());

test("a wait ends with the message that names its attempt, and no other's", async () => {
  const { port, waitFor } = await open();
  const [first, second] = [await waitFor("attempt-1"), await waitFor("attempt-2")];
  let isFirstHere = false;
  void first?.admitted.then(() => isFirstHere = true);
  await push(port, [notif("attempt-2")]);
  expect(await second?.admitted).toBe("admitted");
  expect(isFirstHere).toBe(false);
  await push(port, [notif("attempt-1")]);
  expect(await first?.admitted).toBe("admitted");
});

test("ids above 31 bytes, and messages cut anywhere by the network, are understood", async () => {
  const { port, waitFor } = await open();
  const id = "0123456789abcdef".repeat(4);
  const wait = await waitFor(id);
  await push(port, [notif(id)], 1);
  expect(await wait?.admitted).toBe("admitted");
});

test("a message that came before the answer of prefill counts as well", async () => {
  const { port, waitFor } = await open();
  const wait = await waitFor("attempt-1");
  await push(port, [notif("attempt-1"), Buffer.from("nonsense"), notif("")]);
  expect(await wait?.admitted).toBe("admitted");
});

test("whoever does not speak ZeroMQ is hung up on", async () => {
  const { port } = await open();
  await arrivals.expect(contextOf(port, "attempt-1"), io);
  const closed = new Promise<string>((resolve) => {
    const socket = connect({ host: "127.0.0.1", port }, () => socket.write("GET / HTTP/1.1\r\n".padEnd(80, "x")));
    socket.on("close", () => resolve("closed")).on("error", () => {}).resume();
  });
  expect(await closed).toBe("closed");
});

test("a wait that is given up ends, and so does one for a connector that needs no word", async () => {
  const { port, waitFor } = await open();
  const wait = await waitFor("attempt-1");
  wait?.giveUp();
  expect(await wait?.admitted).toBe("gave-up");
  expect(await arrivals.expect(contextOf(port, "attempt-1"), { connector: {}, log: () => {} })).toBeNull();
});

test("a port that somebody else has is told", async () => {
  const { port, waitFor } = await open();
  await waitFor("attempt-1");
  const told: unknown[] = [];
  const other = makeKvArrivals();
  await other.expect(contextOf(port, "attempt-2"), { ...io, log: (...line) => told.push(line) });
  other.close();
  expect(told).toHaveLength(1);
});

const io = {
  connector: { arrival: { portPurpose: "pd_proxy", idOf: ({ attemptId }: LegContext) => attemptId } },
  log: () => {},
};

async function open() {
  arrivals = makeKvArrivals();
  const port = await freePort();
  const waitFor = (id: string) => arrivals.expect(contextOf(port, id), io);
  await waitFor("nobody");
  return { port, waitFor };
}

function contextOf(port: number, attemptId: string): LegContext {
  const worker = { name: "prefill-0", role: "prefill", httpPort: 1, tp: 1, dp: 1, pp: 1, engineId: null } as const;
  const prefill = { ...worker, host: "127.0.0.1", ports: { pd_proxy: port }, engineIdByRank: {} };
  return { attemptId, nonce: "0".repeat(32), room: 1, api: "completions", prefill, decode: prefill };
}

/** What a PUSH socket of libzmq sends: greeting, READY with an empty identity, one frame a message. */
async function push(port: number, messages: readonly Buffer[], chunkBytes = Infinity): Promise<void> {
  const greeting = Buffer.alloc(64);
  Buffer.from("ff00000000000000017f0301", "hex").copy(greeting);
  greeting.write("NULL", 12);
  const ready = Buffer.from("\x05READY\x0bSocket-Type\0\0\0\x04PUSH\x08Identity\0\0\0\0", "latin1");
  const frames = messages.map((message) => Buffer.concat([Buffer.from([0, message.length]), message]));
  const bytes = Buffer.concat([greeting, Buffer.from([4, ready.length]), ready, ...frames]);
  const socket = connect({ host: "127.0.0.1", port });
  socket.resume();
  for (let at = 0; at < bytes.length; at += chunkBytes) socket.write(bytes.subarray(at, at + chunkBytes));
  await new Promise<void>((resolve) => socket.end(resolve));
}

function notif(id: string): Buffer {
  const text = (value: string) =>
    Buffer.concat([Buffer.from(value.length < 32 ? [0xa0 + value.length] : [0xd9, value.length]), Buffer.from(value)]);
  return Buffer.concat([Buffer.from([0x82]), ...["type", "ProxyNotif", "req_id", id].map(text)]);
}
