import { afterEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { UpstreamClient } from "../../router/upstream/client.ts";
import { upstreamClients } from "../../router/upstream/index.ts";
import { postRequest, recordCall } from "./recorded_call.ts";
import { acceptedCases, refusedCases } from "./response_cases.ts";
import { type Listening, type ScriptedWorker, startWorker, type WorkerConnection } from "./scripted_worker.ts";
import { cannot } from "./upstream_client_exceptions.ts";

const fixtures = new URL("../fixtures/tls/", import.meta.url).pathname;
const cert = readFileSync(join(fixtures, "localhost_cert.pem"), "utf8");
const key = readFileSync(join(fixtures, "localhost_key.pem"), "utf8");
const hi = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";

const toClose: { close(): unknown }[] = [];
afterEach(async () => {
  for (const closable of toClose.splice(0)) await closable.close();
});

async function worker(script: (c: WorkerConnection) => unknown, listening?: Listening): Promise<ScriptedWorker> {
  const started = await startWorker(script, listening);
  toClose.push(started);
  return started;
}

/** Answers every request on every connection in the same way. */
function always(bytes: string): (c: WorkerConnection) => Promise<void> {
  return async (connection) => {
    while (await connection.readRequest() !== null) connection.send(bytes);
  };
}

/** Answers the first request and closes. */
function onceAndClose(bytes: string): (c: WorkerConnection) => Promise<void> {
  return async (connection) => {
    await connection.readRequest();
    connection.send(bytes);
    connection.end();
  };
}

/** Resolves when `condition` holds; the test's own time limit ends a wait that never does. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

for (const [name, create] of Object.entries(upstreamClients)) {
  const start = (options = {}): UpstreamClient => {
    const client = create(options);
    toClose.push(client);
    return client;
  };
  /** A test of both clients, unless this one cannot do it for a known reason. */
  const titles: string[] = [];
  const exceptions = cannot[name as keyof typeof upstreamClients];
  const check = (title: string, body: () => Promise<void>): void => {
    titles.push(title);
    const reason = exceptions[title];
    if (reason === undefined) test(title, body);
    else test.skip(`${title} (${reason})`, body);
  };

  describe(`upstream client ${name}: answers`, () => {
    for (const { title, method = "POST", bytes, expected } of acceptedCases) {
      check(`takes ${title}`, async () => {
        const { origin } = await worker(onceAndClose(bytes));
        const body = method === "POST" ? postRequest().body : [];
        const { head, body: got, failure } = await recordCall(start(), origin, postRequest({ method, body })).done;
        expect({ failure, status: head?.status, body: got.toString("latin1"), fails: null }).toMatchObject(
          "fails" in expected ? expected : { failure: null, status: expected.status, body: expected.body },
        );
      });
    }

    for (const { title, bytes, expected } of refusedCases) {
      check(`refuses ${title}`, async () => {
        const { origin } = await worker(onceAndClose(bytes));
        const client = start();
        const { failure } = await recordCall(client, origin, postRequest()).done;
        expect({ fails: failure?.is, open: client.stats().open }).toEqual({ ...expected, open: 0 } as never);
      });
    }

    check("takes an answer whose every byte comes alone", async () => {
      const { origin } = await worker(async (connection) => {
        await connection.readRequest();
        connection.socket.setNoDelay(true);
        const bytes = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\na: b\r\n\r\n";
        for (const byte of bytes) {
          connection.send(byte);
          await new Promise((resolve) => setImmediate(resolve));
        }
      });
      const { body, failure } = await recordCall(start(), origin, postRequest()).done;
      expect([failure, body.toString()]).toEqual([null, "hello"]);
    });

    check("gives head, data and end in this order, each read at most one data", async () => {
      const { origin } = await worker(
        always("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n"),
      );
      const recorded = recordCall(start(), origin, postRequest());
      await recorded.done;
      expect(recorded.events).toEqual(["head", "data", "end"]);
    });

    check("gives all headers in wire order and in lower case", async () => {
      const { origin } = await worker(
        always("HTTP/1.1 200 OK\r\nX-Second: 2\r\ncontent-length: 2\r\nX-First: 1\r\nX-Second: 3\r\n\r\nhi"),
      );
      const head = await recordCall(start(), origin, postRequest()).head;
      expect(head.entries()).toEqual([["x-second", "2"], ["content-length", "2"], ["x-first", "1"], ["x-second", "3"]]);
      expect(head.header("x-second")).toBe("2");
      expect(head.header("x-third")).toBeNull();
    });

    check("gives a compressed answer as it was sent", async () => {
      const { origin } = await worker(
        always("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nABCD"),
      );
      const { body } = await recordCall(start(), origin, postRequest()).done;
      expect(body.toString()).toBe("ABCD");
    });

    check("does not follow a redirect", async () => {
      const { origin } = await worker(
        always("HTTP/1.1 307 Temporary Redirect\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"),
      );
      const { head } = await recordCall(start(), origin, postRequest()).done;
      expect(head?.status).toBe(307);
    });
  });

  describe(`upstream client ${name}: requests`, () => {
    check("sends method, path, host, headers and the pieces of the body in order", async () => {
      const seen = Promise.withResolvers<{ head: string; body: Buffer }>();
      const { origin, port } = await worker(async (connection) => {
        seen.resolve((await connection.readRequest())!);
        connection.send(hi);
      });
      const body = ["one ", "two ", "three"].map((piece) => new TextEncoder().encode(piece));
      const headers = [["x-request-id", "abc"], ["x-text", "\xe9 \t z"]] as const;
      await recordCall(start(), origin, postRequest({ headers, body })).done;
      const { head, body: got } = await seen.promise;
      const lines = head.split("\r\n").map((line) => line.replace(/^[^:]+:/, (field) => field.toLowerCase()));
      expect(lines[0]).toBe("POST /v1/x?y=1 HTTP/1.1");
      expect(lines).toContain(`host: 127.0.0.1:${port}`);
      expect(lines).toContain("x-request-id: abc");
      expect(lines).toContain("x-text: \xe9 \t z");
      expect(lines).toContain("content-length: 13");
      expect(got.toString()).toBe("one two three");
    });

    check("adds no header that nobody asked for", async () => {
      const seen = Promise.withResolvers<string>();
      const { origin, port } = await worker(async (connection) => {
        seen.resolve((await connection.readRequest())!.head);
        connection.send(hi);
      });
      await recordCall(start(), origin, postRequest({ method: "GET", body: [] })).done;
      expect(await seen.promise).toBe(`GET /v1/x?y=1 HTTP/1.1\r\nhost: 127.0.0.1:${port}`);
    });

    check("sends content-length 0 with an empty POST", async () => {
      const seen = Promise.withResolvers<string>();
      const { origin } = await worker(async (connection) => {
        seen.resolve((await connection.readRequest())!.head);
        connection.send(hi);
      });
      await recordCall(start(), origin, postRequest({ body: [] })).done;
      expect((await seen.promise).toLowerCase()).toContain("\r\ncontent-length: 0");
    });

    for (
      const [what, bad] of Object.entries(
        {
          "a line break in a header's value": { headers: [["x-a", "1\r\nx-evil: 2"]] },
          "a bare CR in a header's value": { headers: [["x-a", "1\rx"]] },
          "NUL in a header's value": { headers: [["x-a", "\0"]] },
          "text beyond latin1 in a header's value": { headers: [["x-a", "€"]] },
          "a line break in a header's name": { headers: [["x-a: 1\r\nx-evil", "2"]] },
          "an empty header name": { headers: [["", "2"]] },
          "a second content-length": { headers: [["Content-Length", "2"]] },
          "a transfer-encoding": { headers: [["transfer-encoding", "chunked"]] },
          "a line break in the path": { path: "/x HTTP/1.1\r\nx-evil: 2\r\n\r\n" },
          "a space in the path": { path: "/x y" },
          "a path that is a whole URL": { path: "http://elsewhere/" },
          "a line break in the method": { method: "GET / HTTP/1.1\r\n\r\nPOST" },
        } as const,
      )
    ) {
      check(`throws at ${what} and sends nothing`, async () => {
        const started = await worker(always(hi));
        const client = start();
        expect(() => recordCall(client, started.origin, postRequest(bad))).toThrow(TypeError);
        expect(client.stats().open).toBe(0);
        expect(started.connections()).toBe(0);
      });
    }

    check("sends 8 MB in pieces to a worker that reads slowly", async () => {
      const seen = Promise.withResolvers<Buffer>();
      const { origin } = await worker(async (connection) => {
        await new Promise((resolve) => setTimeout(resolve, 50));
        seen.resolve((await connection.readRequest())!.body);
        connection.send(hi);
      });
      const body = Array.from({ length: 8 }, (_, i) => new Uint8Array(1_000_000).fill(i));
      const { failure } = await recordCall(start(), origin, postRequest({ body })).done;
      expect(failure).toBeNull();
      expect((await seen.promise).equals(Buffer.concat(body))).toBe(true);
    });

    check("takes an answer that comes while the body is still being sent, and leaves that connection", async () => {
      const started = await worker(async (connection) => {
        if (await connection.readHead() === null) return;
        connection.send("HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig");
        await connection.closed;
      });
      const client = start();
      const body = [new Uint8Array(16_000_000)];
      const { head, body: got, failure } = await recordCall(client, started.origin, postRequest({ body })).done;
      expect([failure, head?.status, got.toString()]).toEqual([null, 413, "big"]);
      await until(() => client.stats().open === 0);
    });
  });

  describe(`upstream client ${name}: connections`, () => {
    check("uses one connection for one request after the other", async () => {
      const started = await worker(always(hi));
      const client = start();
      for (let i = 0; i < 5; i++) {
        expect((await recordCall(client, started.origin, postRequest()).done).failure).toBeNull();
      }
      expect(started.connections()).toBe(1);
    });

    check("takes a new connection after an answer that closes", async () => {
      const started = await worker(onceAndClose("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi"));
      const client = start();
      for (let i = 0; i < 3; i++) {
        expect((await recordCall(client, started.origin, postRequest()).done).failure).toBeNull();
      }
      expect(started.connections()).toBe(3);
    });

    check("serves 400 requests at once, and keeps their connections", async () => {
      const started = await worker(async (connection) => {
        while (await connection.readRequest() !== null) {
          if (started.connections() < 400) await until(() => started.connections() >= 400);
          connection.send(hi);
        }
      });
      const client = start();
      const all = Array.from({ length: 400 }, () => recordCall(client, started.origin, postRequest()).done);
      expect((await Promise.all(all)).every(({ failure }) => failure === null)).toBe(true);
      expect(client.stats()).toMatchObject({ open: 400, idle: 400, opened: 400 });
    });

    check("replaces a kept-alive connection that turns out dead, when the request allows it", async () => {
      const started = await worker(async (connection) => {
        await connection.readRequest();
        connection.send(hi);
        if (started.connections() > 1) return;
        await connection.readRequest();
        connection.reset();
      });
      const client = start();
      await recordCall(client, started.origin, postRequest()).done;
      const second = await recordCall(client, started.origin, postRequest()).done;
      expect([second.failure, second.body.toString(), started.connections()]).toEqual([null, "hi", 2]);
      expect(client.stats().staleRetries).toBe(1);
    });

    check("says stale and sends nothing again, when the request forbids it", async () => {
      const started = await worker(async (connection) => {
        await connection.readRequest();
        connection.send(hi);
        await connection.readRequest();
        connection.end();
      });
      const client = start();
      await recordCall(client, started.origin, postRequest()).done;
      const second = await recordCall(client, started.origin, postRequest({ retryStaleSocket: false })).done;
      expect(second.failure).toMatchObject({ is: "stale", answered: false });
      expect(started.connections()).toBe(1);
    });

    check("does not retry on a connection that was new", async () => {
      const started = await worker(async (connection) => {
        await connection.readRequest();
        connection.end();
      });
      const { failure } = await recordCall(start(), started.origin, postRequest()).done;
      expect(failure).toMatchObject({ is: "reset", answered: false });
      expect(started.connections()).toBe(1);
    });

    check("does not retry once a byte was answered", async () => {
      const started = await worker(async (connection) => {
        await connection.readRequest();
        connection.send(hi);
        await connection.readRequest();
        connection.send("H");
        connection.end();
      });
      const client = start();
      await recordCall(client, started.origin, postRequest()).done;
      const second = await recordCall(client, started.origin, postRequest()).done;
      expect(second.failure).toMatchObject({ is: "reset", answered: true });
      expect(started.connections()).toBe(1);
    });

    check("says refused when nobody listens", async () => {
      const started = await startWorker(() => {});
      await started.close();
      const { failure } = await recordCall(start(), started.origin, postRequest()).done;
      expect(failure).toMatchObject({ is: "refused", answered: false });
    });

    for (
      const [when, sent] of Object.entries({
        "before the answer": "",
        "in the status line": "HTTP/1.1 2",
        "in the head": "HTTP/1.1 200 OK\r\ncontent-le",
        "in a body by length": "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe",
        "in a chunk": "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhe",
        "between chunks": "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n",
        "in a body until close": "HTTP/1.1 200 OK\r\n\r\nhe",
      })
    ) {
      check(`says reset when the connection is reset ${when}`, async () => {
        const { origin } = await worker(async (connection) => {
          await connection.readRequest();
          connection.send(sent);
          // The bytes must arrive before the reset does, or the kernel drops them.
          setTimeout(() => connection.reset(), 20);
        });
        const client = start();
        const { failure } = await recordCall(client, origin, postRequest()).done;
        expect(failure).toMatchObject({ is: "reset", answered: sent !== "" });
        expect(client.stats().open).toBe(0);
      });
    }

    check("speaks to an IPv6 address", async () => {
      const { origin } = await worker(always(hi), { host: "::1" });
      expect((await recordCall(start(), origin, postRequest()).done).body.toString()).toBe("hi");
    });

    check("speaks to a Unix socket", async () => {
      const folder = await mkdtemp(join(tmpdir(), "pdserve-"));
      toClose.push({ close: () => rm(folder, { recursive: true }) });
      const { origin } = await worker(always(hi), { path: join(folder, "worker.sock") });
      expect((await recordCall(start(), origin, postRequest()).done).body.toString()).toBe("hi");
    });

    check("speaks TLS to a worker whose certificate is trusted, large bodies included", async () => {
      const { origin } = await worker(async (connection) => {
        const request = await connection.readRequest();
        connection.send(`HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n${request!.body.length}`);
      }, { tls: { key, cert } });
      const { failure, body } = await recordCall(
        start({ ca: cert }),
        origin,
        postRequest({ body: [new Uint8Array(3_000_000), new Uint8Array(1_000_000)] }),
      ).done;
      expect([failure, body.toString()]).toEqual([null, "4000000"]);
    });

    check("refuses a worker whose certificate is not trusted, and sends it nothing", async () => {
      const started = await worker(always(hi), { tls: { key, cert } });
      const { failure, head } = await recordCall(start(), started.origin, postRequest()).done;
      expect([failure?.is, head]).toEqual(["refused", null]);
    });
  });

  describe(`upstream client ${name}: back-pressure and abort`, () => {
    check("stops reading while a promise of the sink is pending, and loses nothing", async () => {
      const pieceBytes = 1_000_000;
      const pieces = 64;
      let sent = 0;
      const { origin } = await worker(async (connection) => {
        await connection.readRequest();
        connection.send(`HTTP/1.1 200 OK\r\ncontent-length: ${pieces * pieceBytes}\r\n\r\n`);
        for (; sent < pieces; sent++) {
          await new Promise((resolve) => connection.socket.write(new Uint8Array(pieceBytes).fill(sent), resolve));
        }
      });
      const gate = Promise.withResolvers<void>();
      const recorded = recordCall(start(), origin, postRequest(), () => gate.promise);
      await recorded.firstData;
      for (let before = -1; before !== sent;) {
        before = sent;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      expect(sent).toBeLessThan(32);
      expect(recorded.events).toEqual(["head", "data"]);
      gate.resolve();
      const { body, failure } = await recorded.done;
      expect([failure, body.length]).toEqual([null, pieces * pieceBytes]);
      expect(Array.from({ length: pieces }, (_, i) => body[i * pieceBytes])).toEqual([...Array(pieces).keys()]);
    });

    for (
      const [ending, bytes] of Object.entries({
        "an answer by length": "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi",
        "an answer until close": "HTTP/1.1 200 OK\r\n\r\nhi",
        "a chunked answer": "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
      })
    ) {
      check(`ends ${ending} only after the sink's last promise`, async () => {
        const { origin } = await worker(onceAndClose(bytes));
        const gate = Promise.withResolvers<void>();
        const recorded = recordCall(start(), origin, postRequest(), () => gate.promise);
        await recorded.firstData;
        await new Promise((resolve) => setTimeout(resolve, 30));
        expect(recorded.events).toEqual(["head", "data"]);
        gate.resolve();
        expect((await recorded.done).failure).toBeNull();
      });
    }

    check("fails when the sink's promise is rejected, and closes the connection", async () => {
      const closed = Promise.withResolvers<void>();
      const { origin } = await worker(async (connection) => {
        await connection.readRequest();
        connection.send("HTTP/1.1 200 OK\r\n\r\nhi");
        await connection.closed;
        closed.resolve();
      });
      const { failure } = await recordCall(start(), origin, postRequest(), () => Promise.reject(new Error("full")))
        .done;
      expect(failure).toMatchObject({ is: "reset", answered: true });
      await closed.promise;
    });

    check("fails when the sink throws, and closes the connection", async () => {
      const closed = Promise.withResolvers<void>();
      const { origin } = await worker(async (connection) => {
        await connection.readRequest();
        connection.send("HTTP/1.1 200 OK\r\n\r\nhi");
        await connection.closed;
        closed.resolve();
      });
      const { failure } = await recordCall(start(), origin, postRequest(), () => {
        throw new Error("a bug");
      }).done;
      expect(failure).toMatchObject({ is: "reset", answered: true });
      await closed.promise;
    });

    for (
      const [when, sent, waitFor] of [
        ["before the head", "", null],
        ["in the head", "HTTP/1.1 200 OK\r\n", null],
        ["after the head", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", "head"],
        ["in the body", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n", "firstData"],
        ["in a body until close", "HTTP/1.1 200 OK\r\n\r\nhi", "firstData"],
      ] as const
    ) {
      check(`an abort ${when} closes the worker's connection, and no callback follows`, async () => {
        const requested = Promise.withResolvers<void>();
        const closed = Promise.withResolvers<void>();
        const { origin } = await worker(async (connection) => {
          await connection.readRequest();
          if (sent !== "") connection.send(sent);
          requested.resolve();
          await connection.closed;
          closed.resolve();
        });
        const client = start();
        const recorded = recordCall(client, origin, postRequest());
        await requested.promise;
        if (waitFor !== null) await recorded[waitFor];
        const before = [...recorded.events];
        recorded.call.abort();
        recorded.call.abort();
        await closed.promise;
        await until(() => client.stats().open === 0);
        expect(recorded.events).toEqual(before);
      });
    }

    check("an abort while the sink has the worker paused closes the connection", async () => {
      const closed = Promise.withResolvers<void>();
      const { origin } = await worker(async (connection) => {
        await connection.readRequest();
        connection.send("HTTP/1.1 200 OK\r\n\r\nhi");
        await connection.closed;
        closed.resolve();
      });
      const gate = Promise.withResolvers<void>();
      const recorded = recordCall(start(), origin, postRequest(), () => gate.promise);
      await recorded.firstData;
      recorded.call.abort();
      await closed.promise;
      gate.resolve();
      await gate.promise;
      expect(recorded.events).toEqual(["head", "data"]);
    });

    check("an abort while the request is still being sent closes the connection", async () => {
      const started = Promise.withResolvers<void>();
      const closed = Promise.withResolvers<void>();
      const { origin } = await worker(async (connection) => {
        await connection.readHead();
        started.resolve();
        connection.socket.resume();
        await connection.closed;
        closed.resolve();
      });
      const recorded = recordCall(start(), origin, postRequest({ body: [new Uint8Array(64_000_000)] }));
      await started.promise;
      recorded.call.abort();
      await closed.promise;
      expect(recorded.events).toEqual([]);
    });

    check("an abort right after the call opens no connection for long", async () => {
      const started = await worker(always(hi));
      const client = start();
      const recorded = recordCall(client, started.origin, postRequest());
      recorded.call.abort();
      await until(() => client.stats().open === 0);
      await recordCall(client, started.origin, postRequest()).done;
      expect(recorded.events).toEqual([]);
    });

    check("an abort after the end does not touch the next request on the same connection", async () => {
      const started = await worker(always(hi));
      const client = start();
      const first = recordCall(client, started.origin, postRequest());
      await first.done;
      const second = recordCall(client, started.origin, postRequest());
      first.call.abort();
      expect((await second.done).failure).toBeNull();
      expect(first.events).toEqual(["head", "data", "end"]);
    });
  });

  test(`upstream client ${name}: every exception names a test`, () => {
    expect(Object.keys(exceptions).filter((title) => !titles.includes(title))).toEqual([]);
  });
}
