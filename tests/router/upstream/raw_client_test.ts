// What only the raw client promises: its pool, its clock, its connect limit.

import { afterEach, describe, expect, test } from "bun:test";
import type { UpstreamClient } from "../../../router/upstream/client.ts";
import { createRawClient } from "../../../router/upstream/raw_client.ts";
import type { OpenSocket, RawSocket, SocketEvents } from "../../../router/upstream/socket.ts";
import { type Outcome, postRequest, recordCall } from "../../conformance/recorded_call.ts";

const hi = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
const origin = "http://w:1";

/** A socket that goes nowhere; the test is the worker. */
interface FakeSocket extends RawSocket {
  readonly events: SocketEvents;
  written: string;
  paused: boolean;
  isTerminated: boolean;
  /** How many bytes the next writes take. */
  room: number;
}

interface World {
  readonly client: UpstreamClient;
  readonly sockets: readonly FakeSocket[];
  nowMs: number;
}

const clients: UpstreamClient[] = [];
afterEach(() => clients.splice(0).forEach((client) => client.close()));

function world(options: Parameters<typeof createRawClient>[0] = {}, connects = true): World {
  const sockets: FakeSocket[] = [];
  const open: OpenSocket = (_target, _ca, events) => {
    const socket: FakeSocket = {
      events,
      written: "",
      paused: false,
      isTerminated: false,
      room: Infinity,
      write(bytes) {
        const taken = bytes.subarray(0, this.room);
        this.room -= taken.length;
        this.written += Buffer.from(taken).toString("latin1");
        return taken.length;
      },
      pause() {
        this.paused = true;
      },
      resume() {
        this.paused = false;
      },
      terminate() {
        this.isTerminated = true;
      },
    };
    sockets.push(socket);
    if (connects) events.opened(socket);
  };
  const made: World = { client: createRawClient(options, open, () => made.nowMs), sockets, nowMs: 0 };
  clients.push(made.client);
  return made;
}

async function answer(world: World, socketIndex: number): Promise<Outcome> {
  const recorded = recordCall(world.client, origin, postRequest());
  world.sockets[socketIndex]!.events.read(Buffer.from(hi));
  return await recorded.done;
}

describe("createRawClient()", () => {
  test("uses the connection that rested least, so that the others can run out", async () => {
    const w = world();
    const first = recordCall(w.client, origin, postRequest());
    const second = recordCall(w.client, origin, postRequest());
    w.sockets[1]!.events.read(Buffer.from(hi));
    w.sockets[0]!.events.read(Buffer.from(hi));
    await Promise.all([first.done, second.done]);
    for (let i = 0; i < 3; i++) await answer(w, 0);
    expect(w.client.stats()).toEqual({ open: 2, idle: 2, opened: 2, staleRetries: 0 });
  });

  test("does not use a connection that rested as long as the limit", async () => {
    const w = world({ idleMs: 4_000 });
    await answer(w, 0);
    w.nowMs = 3_999;
    await answer(w, 0);
    w.nowMs += 4_000;
    await answer(w, 1);
    expect(w.sockets[0]!.isTerminated).toBe(true);
    expect(w.client.stats()).toEqual({ open: 1, idle: 1, opened: 2, staleRetries: 0 });
  });

  test("closes idle connections that nobody asks for again", async () => {
    const w = world({ idleMs: 1 });
    await answer(w, 0);
    w.nowMs = 10;
    while (w.client.stats().open > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(w.sockets[0]!.isTerminated).toBe(true);
  });

  test("forgets a connection that its worker closes while it is idle", async () => {
    const w = world();
    await answer(w, 0);
    w.sockets[0]!.events.closed(null);
    expect(w.client.stats()).toMatchObject({ open: 0, idle: 0 });
    await answer(w, 1);
  });

  test("closes an idle connection that brings bytes nobody asked for", async () => {
    const w = world();
    await answer(w, 0);
    w.sockets[0]!.events.read(Buffer.from(hi));
    expect(w.sockets[0]!.isTerminated).toBe(true);
    expect(w.client.stats()).toMatchObject({ open: 0, idle: 0 });
  });

  test("forget() closes idle connections now and busy ones when they are done", async () => {
    const w = world();
    const busy = recordCall(w.client, origin, postRequest());
    const other = recordCall(w.client, origin, postRequest());
    w.sockets[1]!.events.read(Buffer.from(hi));
    await other.done;
    w.client.forget(origin);
    expect(w.sockets.map((socket) => socket.isTerminated)).toEqual([false, true]);
    w.sockets[0]!.events.read(Buffer.from(hi));
    expect((await busy.done).failure).toBeNull();
    expect(w.sockets[0]!.isTerminated).toBe(true);
    await answer(w, 2);
  });

  test("gives up on a connection that does not open in time, and closes it should it open later", async () => {
    const w = world({ connectTimeoutMs: 5 }, false);
    const { failure } = await recordCall(w.client, origin, postRequest()).done;
    expect(failure).toEqual({ is: "connect-timeout", message: "no connection within 5 ms", answered: false });
    w.sockets[0]!.events.opened(w.sockets[0]!);
    expect(w.sockets[0]!.isTerminated).toBe(true);
    expect(w.sockets[0]!.written).toBe("");
    expect(w.client.stats()).toMatchObject({ open: 0, opened: 0 });
  });

  test("sends the rest of a request as the socket takes it, a byte at a time if need be", async () => {
    const w = world({}, false);
    const recorded = recordCall(
      w.client,
      origin,
      postRequest({ body: [new Uint8Array(20).fill(65), new Uint8Array(20).fill(66)] }),
    );
    const socket = w.sockets[0]!;
    socket.room = 0;
    socket.events.opened(socket);
    while (!socket.written.endsWith("B".repeat(20))) {
      socket.room = 1;
      socket.events.writable();
    }
    socket.events.read(Buffer.from(hi));
    expect((await recorded.done).failure).toBeNull();
    expect(socket.written.split("\r\n\r\n")[1]).toBe("A".repeat(20) + "B".repeat(20));
  });

  test("does not keep a connection whose answer came before the whole request was sent", async () => {
    const w = world({}, false);
    const recorded = recordCall(w.client, origin, postRequest());
    const socket = w.sockets[0]!;
    socket.room = 10;
    socket.events.opened(socket);
    socket.events.read(Buffer.from("HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n"));
    expect((await recorded.done).head?.status).toBe(413);
    expect(socket.isTerminated).toBe(true);
  });

  test("a stale connection is replaced by a new one, never by another kept one", async () => {
    const w = world();
    const both = [recordCall(w.client, origin, postRequest()), recordCall(w.client, origin, postRequest())];
    w.sockets.forEach((socket) => socket.events.read(Buffer.from(hi)));
    await Promise.all(both.map((recorded) => recorded.done));
    const recorded = recordCall(w.client, origin, postRequest());
    w.sockets[1]!.events.closed("read ECONNRESET");
    expect(w.sockets).toHaveLength(3);
    w.sockets[2]!.events.closed(null);
    expect((await recorded.done).failure).toMatchObject({ is: "reset", answered: false });
    expect(w.client.stats()).toMatchObject({ staleRetries: 1, open: 1, idle: 1 });
  });

  test("holds what arrives while the sink pauses, and gives it read by read afterwards", async () => {
    const w = world();
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let next = 0;
    const recorded = recordCall(w.client, origin, postRequest(), () => gates[next++]!.promise);
    const { events } = w.sockets[0]!;
    events.read(Buffer.from("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nab"));
    events.read(Buffer.from("cd"));
    events.read(Buffer.from("ef"));
    events.closed("read ECONNRESET");
    expect(w.sockets[0]!.paused).toBe(true);
    for (const [i, gate] of gates.entries()) {
      expect(recorded.events).toEqual(["head", ...Array(i + 1).fill("data")]);
      gate.resolve();
      await gate.promise;
    }
    expect(await recorded.done).toMatchObject({ failure: null });
    expect((await recorded.done).body.toString()).toBe("abcdef");
  });

  test("reads an idle connection again after the pause in which its answer ended", async () => {
    const w = world();
    const gate = Promise.withResolvers<void>();
    const recorded = recordCall(w.client, origin, postRequest(), () => gate.promise);
    w.sockets[0]!.events.read(Buffer.from(hi));
    gate.resolve();
    await recorded.done;
    expect(w.sockets[0]!.paused).toBe(false);
    await answer(w, 0);
  });

  test("throws at an origin that names no worker", () => {
    expect(() => recordCall(world().client, "worker", postRequest())).toThrow(TypeError);
  });
});
