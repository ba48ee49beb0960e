// The router over real sockets: what only shows there.

import { afterEach, expect, test } from "bun:test";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { byFetch, type Listener, type Listening, serve } from "../../router/serve.ts";
import { upstreamClients } from "../../router/upstream/index.ts";
import { completion, events, makeFakeFleet, prefillBody, until } from "./fake_fleet.ts";

const options = { host: "127.0.0.1", port: 0, maxBodyBytes: 64 * 1024 * 1024 };
const open: Listener[] = [];

afterEach(async () => {
  for (const listener of open.splice(0)) await listener.stop(true);
});

function listen(
  fetch: (request: Request) => Response | Promise<Response>,
  extra: { port?: number; unix?: string; host?: string } = {},
) {
  return listening(serve(byFetch(fetch), { ...options, ...extra }));
}

function listening(served: Listening): Listener {
  if (served.is !== "listening") throw new Error(served.is);
  open.push(served.listener);
  return served.listener;
}

/** A router in front of one prefill and one decode worker that are handlers on sockets of their own. */
function routerOver(decode: (request: Request) => Response | Promise<Response>, prefill?: typeof decode) {
  const workers = {
    "prefill-0": listen(prefill ?? (() => Response.json(prefillBody))),
    "decode-0": listen(decode),
  };
  const fleet = makeFakeFleet({ upstream: upstreamClients.raw() });
  fleet.change((snapshot) => ({
    ...snapshot,
    workers: snapshot.workers.map((worker) => ({
      ...worker,
      url: workers[worker.facts.name as keyof typeof workers].url,
    })),
  }));
  const listener = listening(serve(fleet.router.answer, options));
  const post = (body: unknown, signal?: AbortSignal) =>
    fetch(`${listener.url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal,
    });
  return { fleet, listener, post };
}

test("serve() tells that a port is taken instead of throwing", () => {
  const first = listen(() => new Response("one"));
  const second: Listening = serve(byFetch(() => new Response("two")), { ...options, port: first.port });
  expect(second).toEqual({ is: "taken" });
});

test("serve() tells why an address cannot be listened on", () => {
  const failed = serve(byFetch(() => new Response()), { ...options, host: "192.0.2.1" });
  expect(failed.is).toBe("failed");
});

test("serve() listens on a Unix socket", async () => {
  const path = join(tmpdir(), `pdserve-serve-test-${process.pid}.sock`);
  rmSync(path, { force: true });
  const { url } = listen(() => new Response("here"), { unix: path });
  expect(url).toBe(`unix:${path}`);
  expect(await (await fetch("http://localhost/", { unix: path })).text()).toBe("here");
});

test("a stream reaches the client as it is made, not when it is over", async () => {
  const gate = Promise.withResolvers<void>();
  const { post } = routerOver(() =>
    eventsThat(async function* () {
      yield events.first;
      await gate.promise;
      yield events.second + events.done;
    })
  );
  const response = await post(completion({ stream: true }));
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  expect((await reader.read()).value).toBe(events.first);
  gate.resolve();
  expect((await reader.read()).value).toBe(events.second + events.done);
  expect((await reader.read()).done).toBe(true);
});

test("R3: a client that closes its connection inside a stream ends decode's request", async () => {
  const ended = Promise.withResolvers<void>();
  const { post, fleet } = routerOver((request) => {
    request.signal.addEventListener("abort", () => ended.resolve());
    return eventsThat(async function* () {
      yield events.first;
      await ended.promise;
    });
  });
  const client = new AbortController();
  const response = await post(completion({ stream: true }), client.signal);
  await response.body!.getReader().read();
  client.abort();
  await ended.promise;
  await until(() => fleet.router.inFlight() === 0);
});

test("R3: a client that closes its connection during prefill ends prefill, and decode is never asked", async () => {
  const [begun, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let asked = 0;
  const { post, fleet } = routerOver(() => Response.json({ asked: ++asked }), (request) => {
    request.signal.addEventListener("abort", () => ended.resolve());
    begun.resolve();
    return new Promise(() => {});
  });
  const client = new AbortController();
  const answering = post(completion(), client.signal).catch(() => "aborted");
  await begun.promise;
  client.abort();
  await ended.promise;
  expect(await answering).toBe("aborted");
  await until(() => fleet.router.inFlight() === 0);
  expect(asked).toBe(0);
});

test("R8: a client that does not read stops decode, and nothing piles up in between", async () => {
  const chunk = `data: ${"x".repeat(64 * 1024)}\n\n`;
  const total = 2_000;
  let sent = 0;
  const { listener, fleet } = routerOver(() =>
    eventsThat(async function* () {
      for (; sent < total; sent++) yield chunk;
    })
  );
  const body = JSON.stringify(completion({ stream: true }));
  const socket = connect(listener.port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(
    `POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  // Reads the head and no more, as a client that has stopped.
  await new Promise((resolve) => socket.once("data", resolve));
  socket.pause();
  let before = -1;
  while (before !== sent) {
    before = sent;
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  // 128 MB are to be sent; what fits into the sockets' buffers is a small part of it.
  expect(sent).toBeLessThan(total / 2);
  socket.destroy();
  await until(() => fleet.router.inFlight() === 0);
});

test("a large body arrives at decode whole", async () => {
  let received = 0;
  const { post } = routerOver(async (request) => {
    received = (await request.json() as { prompt: string }).prompt.length;
    return Response.json({ choices: [] });
  }, async (request) => {
    await request.bytes();
    return Response.json(prefillBody);
  });
  const response = await post(completion({ prompt: "é".repeat(400_000) }));
  expect(response.status).toBe(200);
  expect(received).toBe(400_000);
});

test("a body over the limit is answered 413 also when its length is not announced", async () => {
  const { listener } = routerOver(() => Response.json({}));
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(`{"prompt":"${"x".repeat(1_100_000)}"}`));
      controller.close();
    },
  });
  const response = await fetch(`${listener.url}/v1/completions`, { method: "POST", body });
  expect(response.status).toBe(413);
});

test("a stream that the worker cuts ends with an error event over the wire too", async () => {
  const worker = createServer((socket) => {
    socket.once("data", () => {
      const chunk = `${events.first.length.toString(16)}\r\n${events.first}\r\n`;
      socket.write(`HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n${chunk}`);
    });
    sockets.push(socket);
  });
  const sockets: Socket[] = [];
  await new Promise<void>((resolve) => worker.listen(0, "127.0.0.1", resolve));
  const { post, fleet } = routerOver(() => new Response());
  const { port } = worker.address() as AddressInfo;
  fleet.change((snapshot) => ({
    ...snapshot,
    workers: snapshot.workers.map((one) =>
      one.facts.role === "decode" ? { ...one, url: `http://127.0.0.1:${port}` } : one
    ),
  }));
  const response = await post(completion({ stream: true }));
  for (const socket of sockets) socket.destroy();
  const text = await response.text();
  expect(text).toStartWith(events.first);
  expect(text).toContain('"src":"pdserve"');
  expect(text).not.toContain(String(port));
  expect(text).toEndWith(events.done);
  worker.close();
});

function eventsThat(make: () => AsyncGenerator<string>): Response {
  const chunks = make();
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = await chunks.next();
      if (next.done) controller.close();
      else controller.enqueue(encoder.encode(next.value));
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

test("the URL of a listener on all addresses is one that works when pasted", async () => {
  const { url } = listen(() => new Response("here"), { host: "0.0.0.0" });
  expect(new URL(url).hostname).toBe("127.0.0.1");
  expect(await (await fetch(url)).text()).toBe("here");
});
