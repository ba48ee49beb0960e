// A worker that does on the wire exactly what a test says, byte by byte and with any bad manners.

import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";

export interface ReceivedRequest {
  /** Request line and headers, latin1, without the empty line. */
  readonly head: string;
  readonly body: Buffer;
}

export interface WorkerConnection {
  readonly socket: Socket;
  /** The next whole request; null when the client closed instead. */
  readRequest(): Promise<ReceivedRequest | null>;
  /** The next request's head only; its body stays unread. */
  readHead(): Promise<string | null>;
  send(text: string): void;
  end(): void;
  reset(): void;
  /** Resolves when the client's side is gone, however it went. */
  readonly closed: Promise<void>;
}

export interface ScriptedWorker {
  readonly origin: string;
  readonly port: number;
  /** Connections so far. */
  connections(): number;
  close(): Promise<void>;
}

export interface Listening {
  readonly host?: string;
  readonly path?: string;
  readonly tls?: { readonly key: string; readonly cert: string };
}

export async function startWorker(
  script: (connection: WorkerConnection) => unknown,
  { host = "127.0.0.1", path, tls }: Listening = {},
): Promise<ScriptedWorker> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const accept = (socket: Socket): void => {
    connections++;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    script(toConnection(socket));
  };
  const server: Server = tls === undefined ? createServer(accept) : createTlsServer({ ...tls }, accept);
  server.listen(path === undefined ? { host, port: 0 } : { path });
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const authority = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  return {
    origin: path === undefined ? `${tls === undefined ? "http" : "https"}://${authority}` : `unix:${path}`,
    port,
    connections: () => connections,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function toConnection(socket: Socket): WorkerConnection {
  let received = Buffer.alloc(0);
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));

  let wake = (): void => {};
  for (const event of ["readable", "end", "close"]) socket.on(event, () => wake());

  /** Waits for bytes; false when none will come. */
  const more = async (): Promise<boolean> => {
    const chunk: Buffer | null = socket.read();
    if (chunk !== null) received = Buffer.concat([received, chunk]);
    else if (socket.destroyed || socket.readableEnded) return false;
    else await new Promise<void>((resolve) => wake = resolve);
    return true;
  };
  const readHead = async (): Promise<string | null> => {
    while (!received.includes("\r\n\r\n")) if (!await more()) return null;
    const end = received.indexOf("\r\n\r\n");
    const head = received.toString("latin1", 0, end);
    received = received.subarray(end + 4);
    return head;
  };
  return {
    socket,
    closed,
    readHead,
    async readRequest() {
      const head = await readHead();
      if (head === null) return null;
      const bodyBytes = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0);
      const pieces: Buffer[] = [];
      let missing = bodyBytes;
      for (;;) {
        pieces.push(received.subarray(0, missing));
        missing -= pieces.at(-1)!.length;
        received = received.subarray(pieces.at(-1)!.length);
        if (missing === 0) return { head, body: Buffer.concat(pieces) };
        if (!await more()) return null;
      }
    },
    send: (text) => void socket.write(Buffer.from(text, "latin1")),
    end: () => void socket.end(),
    reset: () => void socket.resetAndDestroy(),
  };
}
