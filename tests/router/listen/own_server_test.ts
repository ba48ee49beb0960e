// The own server's limits, and what becomes of clients that do not keep to HTTP.

import { expect, onTestFinished, test } from "bun:test";
import { makeDeadlines } from "../../../router/deadlines.ts";
import type { Answer, Answering } from "../../../router/listen/client_request.ts";
import { listenByOwnServer } from "../../../router/listen/own_server.ts";
import type { ServerLimits } from "../../../router/listen/server_limits.ts";
import { until } from "../open_fleet.ts";
import { answersIn, dial } from "./dial.ts";

const text = (body: string): Answer => ({ status: 200, fields: [], body });

/** A server whose time passes when the test says so. */
function listen(answering: Answering, limits: Partial<ServerLimits> = {}) {
  let nowMs = 0;
  const deadlines = makeDeadlines(() => nowMs);
  const served = listenByOwnServer(
    answering,
    { host: "127.0.0.1", port: 0, maxBodyBytes: 1_000 },
    limits,
    deadlines,
  );
  if (served.is !== "listening") throw new Error(served.is);
  onTestFinished(() => served.listener.stop(true));
  return {
    port: served.listener.port,
    listener: served.listener,
    connections: () => deadlines.watched.size,
    pass(ms: number) {
      nowMs += ms;
      deadlines.tick();
    },
  };
}

test("HEAD tells no length that nobody knows", async () => {
  const server = listen(() => ({ status: 200, fields: [], body: null }));
  const client = await dial(server.port);
  await client.send("HEAD / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
  const all = await client.untilClosed();
  expect(all).toStartWith("HTTP/1.1 200");
  expect(all).not.toContain("content-length");
});

test("a head that does not come whole in time is answered 408", async () => {
  const server = listen(() => text("never"));
  const client = await dial(server.port);
  await client.send("GET / HT");
  await until(() => server.connections() === 1);
  server.pass(9_000);
  await client.send("TP/1.1\r\n");
  expect(client.text()).toBe("");
  // The limit is of the whole head: further bytes do not move it.
  await until(() => {
    server.pass(1_000);
    return client.text() !== "";
  });
  expect(await client.untilClosed()).toStartWith("HTTP/1.1 408");
});

test("a connection without a request is closed without a word, one that waits for its answer is not", async () => {
  let answer: ((answer: Answer) => void) | null = null;
  const server = listen(() => new Promise((resolve) => answer = resolve));
  const [silent, waits] = [await dial(server.port), await dial(server.port)];
  await waits.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  await until(() => answer !== null && server.connections() === 2);
  server.pass(3_600_000);
  expect(await silent.untilClosed()).toBe("");
  answer!(text("late"));
  expect(answersIn(await waits.untilHas("late"))[0]!.status).toBe(200);
  await until(() => server.connections() === 1);
  await until(() => {
    server.pass(120_000);
    return server.connections() === 0;
  });
});

test("who sends on although it was refused gets its answer, and is not listened to for ever", async () => {
  const server = listen(() => text("never"));
  const client = await dial(server.port);
  await client.send(`GET / HTTP/1.1\r\nx: ${"a".repeat(20_000)}`);
  const answer = answersIn(await client.untilClosed())[0]!;
  expect(answer.status).toBe(431);
  expect(JSON.parse(answer.body).error).toMatchObject({ code: 431, src: "pdserve" });
  expect(server.connections()).toBe(1);
  server.pass(2_000);
  expect(server.connections()).toBe(0);
});

test("a client that takes nothing of a complete answer is let go", async () => {
  const server = listen(() => text("x".repeat(50_000_000)));
  const client = await dial(server.port);
  client.socket.pause();
  await client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  await until(() => {
    server.pass(60_000);
    return server.connections() === 0;
  });
});

test("requests that come at once are answered in their order, each after the one before", async () => {
  const answers = new Map<string, (answer: Answer) => void>();
  const server = listen((request) => new Promise((resolve) => answers.set(request.target, resolve)));
  const client = await dial(server.port);
  const ask = (path: string) => `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}`;
  await client.send(ask("/1") + ask("/2") + ask("/3").slice(0, 20));
  for (const path of ["/1", "/2"]) {
    await until(() => answers.has(path));
    answers.get(path)!(text(path));
  }
  await client.untilHas("/2");
  await client.send(ask("/3").slice(20));
  await until(() => answers.has("/3"));
  answers.get("/3")!(text("/3"));
  expect(answersIn(await client.untilHas("/3")).map(({ body }) => body)).toEqual(["/1", "/2", "/3"]);
});

test("who sends too much ahead gets the answer to what it asked first, and no other", async () => {
  let asked = 0;
  let answer: ((answer: Answer) => void) | null = null;
  const server = listen((request) => {
    if (request.target === "/other") return text("other");
    asked++;
    return new Promise((resolve) => answer = resolve);
  });
  const client = await dial(server.port);
  await client.send("GET /1 HTTP/1.1\r\nhost: a\r\n\r\n");
  await until(() => answer !== null);
  await client.send("GET /2 HTTP/1.1\r\nhost: a\r\n\r\n".repeat(10_000));
  // By the time another client is served, what was sent before has been read.
  const other = await dial(server.port);
  await other.send("GET /other HTTP/1.1\r\nhost: a\r\n\r\n");
  await other.untilHas("other");
  answer!(text("one"));
  const all = answersIn(await client.untilClosed());
  expect(all.map(({ body }) => body)).toEqual(["one"]);
  expect(all[0]!.head).toContain("connection: close");
  expect(asked).toBe(1);
});

test("a body over the limit is not kept, and its connection ends with the answer", async () => {
  const server = listen((request) =>
    new Promise((resolve) => {
      if (request.body === null) request.whenBody((body) => resolve(text(String(body))));
    })
  );
  for (
    const framing of ["content-length: 1001\r\n\r\n", `transfer-encoding: chunked\r\n\r\n3e9\r\n${"x".repeat(1_001)}`]
  ) {
    const client = await dial(server.port);
    await client.send(`POST / HTTP/1.1\r\nhost: a\r\n${framing}`);
    const answer = answersIn(await client.untilClosed())[0]!;
    expect(answer.body).toBe("too-large");
    expect(answer.head).toContain("connection: close");
  }
});

test("an answer that does not wait for the body ends the connection", async () => {
  const server = listen(() => text("no need"));
  const client = await dial(server.port);
  await client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n123");
  expect(answersIn(await client.untilClosed())[0]!.head).toContain("connection: close");
});

test("a body that turns out to be broken is 400, and its reader is told", async () => {
  const told: unknown[] = [];
  let isAsked = false;
  const server = listen((request) => {
    isAsked = true;
    request.whenBody((body) => told.push(body));
    return new Promise(() => {});
  });
  const client = await dial(server.port);
  await client.send("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
  await until(() => isAsked);
  await client.send("zz\r\n");
  expect(await client.untilClosed()).toStartWith("HTTP/1.1 400");
  expect(told).toEqual(["gone"]);
});

test("nothing in an answer's values can start another header, and framing is nobody else's", async () => {
  const fields = [["x-a", "1\r\nx-b: 2"], ["x-c", "€"], ["content-length", "7"], ["transfer-encoding", "x"]] as const;
  const client = await dial(listen(() => ({ status: 200, fields, body: "hello" })).port);
  await client.send("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
  const { head, body } = answersIn(await client.untilClosed())[0]!;
  expect(body).toBe("hello");
  expect(head).toContain("\r\nx-a: 1  x-b: 2\r\n");
  expect(head).not.toContain("transfer-encoding");
  expect(head.match(/content-length/g)).toHaveLength(1);
});

test("an answer to HTTP/1.0 that comes bit by bit ends with its connection", async () => {
  const flowTo = (client: { write(bytes: Uint8Array): unknown; end(): void }) => {
    client.write(Buffer.from("one "));
    client.write(Buffer.from("two"));
    client.end();
  };
  const client = await dial(listen(() => ({ status: 200, fields: [], body: { flowTo, left: () => {} } })).port);
  await client.send("GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
  const all = await client.untilClosed();
  expect(all).toEndWith("\r\n\r\none two");
  expect(all).not.toContain("chunked");
});

test("stop() closes connections that wait for a request, and tells the others' clients not to stay", async () => {
  let answer: ((answer: Answer) => void) | null = null;
  const server = listen(() => new Promise((resolve) => answer = resolve));
  const [idle, busy] = [await dial(server.port), await dial(server.port)];
  await busy.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  await until(() => answer !== null && server.connections() === 2);
  const stopped = server.listener.stop();
  expect(await idle.untilClosed()).toBe("");
  answer!(text("last"));
  expect(await busy.untilClosed()).toContain("connection: close");
  await stopped;
});
