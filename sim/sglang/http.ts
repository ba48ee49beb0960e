// The HTTP server of a simulated SGLang: uvicorn's headers and access lines.

import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import { randomBytes } from "node:crypto";
import type { Worker } from "./generate.ts";
import { answer } from "./routes.ts";
import type { Reply } from "./serve_generation.ts";

export interface HttpServer {
  readonly server: Server;
  openRequests(): number;
  /** From now on /health says 503, as while a real one drains. */
  drain(): void;
}

export async function serveHttp(worker: Worker, log: (line: string) => void): Promise<HttpServer> {
  let open = 0;
  let drains = false;
  const server = createServer({ requestTimeout: 0 }, async (request, response) => {
    open++;
    response.on("close", () => open--);
    const path = new URL(request.url ?? "/", "http://engine").pathname;
    const isHealth = path === "/health" || path === "/health_generate";
    const reply = isHealth && drains ? unavailable : await replyTo(request, response, path, worker);
    const status = reply.is === "whole" ? reply.status : 200;
    log(
      `INFO:     ${request.socket.remoteAddress}:${request.socket.remotePort} - "${request.method} ${request.url} HTTP/1.1" ${status} ${
        STATUS_CODES[status]
      }`,
    );
    await send(reply, response);
  });
  const { host, port } = worker.settings;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  return { server, openRequests: () => open, drain: () => void (drains = true) };
}

const unavailable: Reply = { is: "whole", status: 503, type: null, body: "" };

async function replyTo(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  worker: Worker,
): Promise<Reply> {
  const left = new AbortController();
  response.on("close", () => {
    if (!response.writableFinished) left.abort();
  });
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk as Uint8Array);
  return await answer({
    ...{ method: request.method ?? "GET", path, text: Buffer.concat(chunks).toString(), left: left.signal },
    contentType: String(request.headers["content-type"] ?? ""),
    newId: () => randomBytes(16).toString("hex"),
  }, worker);
}

async function send(reply: Reply, response: ServerResponse): Promise<void> {
  response.setHeader("date", new Date().toUTCString());
  response.setHeader("server", "uvicorn");
  if (reply.is === "whole") {
    const body = Buffer.from(reply.body);
    if (reply.type !== null) response.setHeader("content-type", reply.type);
    response.writeHead(reply.status, { "content-length": body.byteLength, vary: "Origin" });
    return void response.end(body);
  }
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", vary: "Origin" });
  response.flushHeaders();
  for await (const event of reply.events) {
    if (response.destroyed) return;
    response.write(event);
  }
  response.end();
}
