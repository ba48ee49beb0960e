// One suite for both listeners: what a client of either sees on its socket.

import { describe, expect, onTestFinished, test } from "bun:test";
import type { Answer, Answering, ClientOutlet, ClientRequest } from "../../../router/listen/client_request.ts";
import { type Listener, type Listening, serve } from "../../../router/serve.ts";
import { until } from "../open_fleet.ts";
import { answersIn, dial } from "./dial.ts";

const text = (body: string, status = 200): Answer => ({ status, fields: [["content-type", "text/plain"]], body });

/** Tells what it was asked, body included. */
const echo: Answering = (request) =>
  new Promise((resolve) => {
    const tell = (body: Uint8Array | string) => {
      const shown = typeof body === "string" ? body : Buffer.from(body).toString("latin1");
      resolve(text(`${request.method} ${request.target} ${request.header("x-a")} [${shown}]`));
    };
    if (request.body !== null) tell(request.body);
    else request.whenBody(tell);
  });

for (const server of ["own", "runtime"] as const) {
  const listen = (
    answering: Answering,
    extra: { host?: string; port?: number; reusePort?: boolean } = {},
  ): Listener => {
    const served: Listening = serve(answering, {
      host: "127.0.0.1",
      port: 0,
      maxBodyBytes: 1_000_000,
      server,
      ...extra,
    });
    if (served.is !== "listening") throw new Error(served.is);
    onTestFinished(() => served.listener.stop(true));
    return served.listener;
  };

  describe(`the ${server} server`, () => {
    test("serves one request after the other on a connection", async () => {
      const client = await dial(listen(echo).port);
      await client.send("GET /one HTTP/1.1\r\nhost: a\r\nx-a: 1\r\n\r\n");
      await client.untilHas("[]");
      await client.send("POST /two?q=1 HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc");
      const answers = answersIn(await client.untilHas("[abc]"));
      expect(answers.map(({ body }) => body)).toEqual(["GET /one 1 []", "POST /two?q=1 null [abc]"]);
      expect(answers[0]!.head.toLowerCase()).toContain("\r\ndate: ");
    });

    test("takes a request that comes byte by byte", async () => {
      const client = await dial(listen(echo).port);
      client.socket.setNoDelay(true);
      for (const byte of "POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc") await client.send(byte);
      expect(answersIn(await client.untilHas("[abc]"))[0]!.body).toBe("POST /x null [abc]");
    });

    test("reads bodies in chunks, with extensions and trailers", async () => {
      const client = await dial(listen(echo).port);
      const head = "POST /x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
      await client.send(`${head}3;a=b\r\nabc\r\n`);
      await client.send("A\r\n0123456789\r\n0\r\nx-sum: 1\r\n\r\n");
      expect(answersIn(await client.untilHas("]"))[0]!.body).toBe("POST /x null [abc0123456789]");
    });

    test("asks for the body of a client that waits for 100 Continue", async () => {
      const client = await dial(listen(echo).port);
      await client.send("POST /x HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n");
      expect(await client.untilHas("\r\n\r\n")).toStartWith("HTTP/1.1 100 Continue\r\n\r\n");
      await client.send("abc");
      expect(await client.untilHas("[abc]")).toContain("HTTP/1.1 200");
    });

    test("closes after the answer to HTTP/1.0, and to who asks for it", async () => {
      const { port } = listen(echo);
      const old = await dial(port);
      await old.send("GET /old HTTP/1.0\r\n\r\n");
      expect(answersIn(await old.untilClosed())[0]!.body).toBe("GET /old null []");
      const last = await dial(port);
      await last.send("GET /last HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
      expect(answersIn(await last.untilClosed())[0]!.body).toBe("GET /last null []");
    });

    test("answers HEAD with the head alone", async () => {
      const client = await dial(listen(() => text("hello")).port);
      await client.send("HEAD / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
      const all = await client.untilClosed();
      expect(all).toStartWith("HTTP/1.1 200");
      expect(all).toContain("content-length: 5\r\n");
      expect(all).toEndWith("\r\n\r\n");
    });

    test("passes a stream on as it is written", async () => {
      let outlet: ClientOutlet | null = null;
      const stream: Answer = {
        status: 200,
        fields: [["content-type", "text/event-stream"]],
        body: { flowTo: (client) => outlet = client, left: () => {} },
      };
      const client = await dial(listen(() => stream).port);
      await client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
      await until(() => outlet !== null);
      outlet!.write(Buffer.from("first"));
      await client.untilHas("first");
      outlet!.write(Buffer.from("x".repeat(100_000)));
      outlet!.end();
      const answer = answersIn(await client.untilHas("\r\n0\r\n\r\n"))[0]!;
      expect(answer.body).toBe(`first${"x".repeat(100_000)}`);
    });

    test("sends the end with the last bytes, and nothing after it", async () => {
      const flowTo = (client: ClientOutlet) => {
        client.write(Buffer.from("first "), false);
        client.write(Buffer.from("last"), true);
        client.end();
      };
      const { port } = listen(() => ({ status: 200, fields: [], body: { flowTo, left: () => {} } }));
      const client = await dial(port);
      for (let asked = 1; asked <= 2; asked++) {
        await client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        await until(() => client.text().split("\r\n0\r\n\r\n").length > asked);
      }
      expect(answersIn(client.text()).map(({ body }) => body)).toEqual(["first last", "first last"]);
    });

    test("ends the connection of a stream that is cut", async () => {
      const stream: Answer = {
        status: 200,
        fields: [],
        body: {
          flowTo(client) {
            client.write(Buffer.from("first"));
            setImmediate(() => client.cut());
          },
          left: () => {},
        },
      };
      const client = await dial(listen(() => stream).port);
      await client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
      expect(await client.untilClosed()).not.toContain("\r\n0\r\n\r\n");
    });

    test("tells that the client is slow, and when it has taken all", async () => {
      const piece = Buffer.alloc(256 * 1024, "x");
      let written = 0;
      let pause: Promise<unknown> | null = null;
      const flowTo = (client: ClientOutlet) => {
        while (pause === null && written < 1_000) {
          written++;
          pause = client.write(piece) ?? null;
        }
        pause?.then(() => {
          client.end();
        });
      };
      const client = await dial(listen(() => ({ status: 200, fields: [], body: { flowTo, left: () => {} } })).port);
      client.socket.pause();
      await client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
      await until(() => pause !== null);
      expect(written).toBeLessThan(1_000);
      client.socket.resume();
      const answer = answersIn(await client.untilHas("\r\n0\r\n\r\n"))[0]!;
      expect(answer.body.length).toBe(written * piece.length);
    });

    test("tells at once that a client has left: while it sends, while it waits, while it reads", async () => {
      const requests: ClientRequest[] = [];
      const troubles: unknown[] = [];
      let left = 0;
      const answering: Answering = (request) => {
        requests.push(request);
        if (request.target === "/sends") request.whenBody((body) => troubles.push(body));
        request.onLeave(() => left++);
        const body = { flowTo: (client: ClientOutlet) => void client.write(Buffer.from("first")), left: () => {} };
        return request.target === "/reads" ? { status: 200, fields: [], body } : new Promise(() => {});
      };
      const { port } = listen(answering);
      for (const path of ["/sends", "/waits", "/reads"]) {
        const client = await dial(port);
        const before = requests.length;
        const length = path === "/sends" ? 100 : 0;
        await client.send(`POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-length: ${length}\r\n\r\n`);
        await until(() => requests.length > before);
        if (path === "/reads") await client.untilHas("first");
        client.socket.destroy();
        await until(() => requests.at(-1)!.hasLeft && left === requests.length);
      }
      await until(() => troubles.length === 1);
      expect(troubles).toEqual(["gone"]);
    });

    test("a client whose connection ends with its answer has not left", async () => {
      let left = 0;
      const ended = Promise.withResolvers<void>();
      const answering: Answering = (request) => {
        request.onLeave(() => left++);
        const flowTo = (client: ClientOutlet) => {
          client.write(Buffer.from("all"));
          client.end();
          ended.resolve();
        };
        return { status: 200, fields: [], body: { flowTo, left: () => left++ } };
      };
      const client = await dial(listen(answering).port);
      await client.send("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
      expect(answersIn(await client.untilClosed())[0]!.body).toBe("all");
      await ended.promise;
      if (server === "own") expect(left).toBe(0);
    });

    test("a client that ends its sending side has left", async () => {
      const requests: ClientRequest[] = [];
      const client = await dial(
        listen((request) => {
          requests.push(request);
          return new Promise(() => {});
        }).port,
      );
      await client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
      await until(() => requests.length === 1);
      client.socket.end();
      await until(() => requests[0]!.hasLeft);
    });

    test("stop() takes nobody new, lets what is being served end, and then resolves", async () => {
      let answer: ((answer: Answer) => void) | null = null;
      const listener = listen(() => new Promise((resolve) => answer = resolve));
      const client = await dial(listener.port);
      await client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
      await until(() => answer !== null);
      let hasStopped = false;
      const stopped = listener.stop().then(() => hasStopped = true);
      await expect(dial(listener.port)).rejects.toThrow();
      expect(hasStopped).toBe(false);
      answer!(text("late"));
      expect(answersIn(await client.untilHas("late"))[0]!.status).toBe(200);
      client.socket.destroy();
      await stopped;
    });

    test("stop(true) ends every connection at once", async () => {
      const requests: ClientRequest[] = [];
      const listener = listen((request) => {
        requests.push(request);
        return new Promise(() => {});
      });
      const client = await dial(listener.port);
      await client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
      await until(() => requests.length === 1);
      await listener.stop(true);
      expect(await client.untilClosed()).toBe("");
      await until(() => requests[0]!.hasLeft);
    });

    test("an answer that cannot be made is a 500", async () => {
      const client = await dial(listen(() => Promise.reject(new Error("a bug"))).port);
      await client.send("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
      expect(await client.untilClosed()).toStartWith("HTTP/1.1 500");
    });

    test("listens on IPv6, on a free port, and on a shared one where both want that", async () => {
      const six = listen(() => text("six"), { host: "::1" });
      expect(await (await fetch(six.url)).text()).toBe("six");
      const one = listen(() => text("one"), { reusePort: true });
      expect(listen(() => text("two"), { reusePort: true, port: one.port }).port).toBe(one.port);
      const taken = serve(() => text("four"), { host: "::1", port: six.port, maxBodyBytes: 1, server });
      expect(taken.is).toBe("taken");
    });
  });
}
