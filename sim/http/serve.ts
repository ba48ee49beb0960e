// The HTTP server: a request's bytes in, the route's reply out, with the access lines and counts of uvicorn and vLLM.
// On node:http because it sends a stream's head before its first byte, as uvicorn does; Bun.serve keeps it back.

import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import type { ApiServer, Call } from "../api/api_server.ts";
import type { SeenRequest } from "./request_history.ts";
import { routeCall } from "./route_call.ts";
import { devRoutes, routes, type RouteTable } from "./routes.ts";
import { sendReply } from "./send_reply.ts";

/** uvicorn closes a connection that has been idle for so long. */
const KEEP_ALIVE_MS = 5000;

export interface HttpServer {
  /** Stops listening; open streams go on. */
  stopListening(): void;
  /** Requests whose answer is not finished. */
  openRequests(): number;
}

/** Resolves once it listens; rejects when the port cannot be had. */
export async function serveHttp(server: ApiServer): Promise<HttpServer> {
  const { host, port, env } = server.settings;
  const table: RouteTable = env.devMode ? { ...routes, ...devRoutes } : routes;
  let open = 0;
  const listener = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0 }, (request, response) => {
    open += 1;
    response.on("close", () => {
      open -= 1;
    });
    void answer(server, table, request, response);
  });
  await new Promise<void>((resolve, reject) => {
    listener.once("error", reject);
    listener.listen(port, host, resolve);
  });
  return {
    stopListening() {
      listener.close();
      listener.closeIdleConnections();
    },
    openRequests: () => open,
  };
}

async function answer(
  server: ApiServer,
  table: RouteTable,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const arrivedMs = server.now();
  const left = new AbortController();
  response.on("close", () => {
    if (!response.writableFinished) left.abort();
  });
  const url = new URL(request.url ?? "/", "http://engine");
  const method = request.method ?? "GET";
  const headers = headersOf(request);
  const bodyText = await textOf(request);
  const seen = remember(server, method, url, headers, bodyText, arrivedMs);
  const call: Call = {
    server,
    method,
    headers,
    url,
    bodyText,
    signal: left.signal,
    note: (kvParams) => {
      if (seen) seen.kvParams = kvParams as SeenRequest["kvParams"];
    },
  };
  const { reply, handler } = await routeCall(table, call);
  const status = reply.kind === "whole" ? reply.status : 200;
  if (seen) seen.status = status;
  accessLine(server, request, method, url, status);
  const responseBytes = await sendReply(server, headers, reply, response);
  if (seen) Object.assign(seen, { abortedByClient: left.signal.aborted, endedAtMs: server.now() });
  const requestBytes = Number(headers.get("content-length") ?? 0);
  const seconds = (server.now() - arrivedMs) / 1000;
  server.httpMetrics.count({ handler, method, status, requestBytes, responseBytes, seconds });
  afterGeneration(server, url.pathname);
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of request) chunks.push(chunk as Uint8Array);
  } catch {
    return "";
  }
  return Buffer.concat(chunks).toString();
}

function headersOf(request: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headersDistinct)) {
    for (const one of value ?? []) headers.append(name, one);
  }
  return headers;
}

/** `--sim-exit-after-requests`: the answer has left the process, nothing is cleaned up. */
function afterGeneration(server: ApiServer, path: string): void {
  const { faults } = server.settings;
  if (faults.exitAfterRequests <= 0 || !path.startsWith("/v1/") || path === "/v1/models") return;
  faults.exitAfterRequests -= 1;
  if (faults.exitAfterRequests === 0) setTimeout(() => server.exit(0), 5);
}

function remember(
  server: ApiServer,
  method: string,
  url: URL,
  headers: Headers,
  body: string,
  arrivedAtMs: number,
): SeenRequest | null {
  const path = url.pathname;
  if (path.startsWith("/sim/") || path === "/health" || path === "/metrics") return null;
  return server.history.add({ method, path, headers: Object.fromEntries(headers.entries()), body, arrivedAtMs });
}

function accessLine(server: ApiServer, request: IncomingMessage, method: string, url: URL, status: number): void {
  if (!server.settings.switches.accessLog || url.pathname.startsWith("/sim/")) return;
  const client = `${request.socket.remoteAddress}:${request.socket.remotePort}`;
  const target = url.pathname + url.search;
  server.log.access(`INFO:     ${client} - "${method} ${target} HTTP/1.1" ${status} ${STATUS_CODES[status] ?? ""}\n`);
}
