// The HTTP server: bytes in, the route's reply out, with the headers, access lines and counts of uvicorn and vLLM.

import { STATUS_CODES } from "node:http";
import type { ApiServer, Call } from "../api/api_server.ts";
import type { SeenRequest } from "./request_history.ts";
import { jsonReply, type Reply, StreamCut, textReply } from "./reply.ts";
import { devRoutes, type Handler, routes, type RouteTable } from "./routes.ts";
import { streamBody } from "./stream_body.ts";

/** uvicorn closes a connection that has been idle for so long. */
const KEEP_ALIVE_S = 5;
const GUARDED = ["/v1", "/v2", "/inference", "/cohere"];
const METHODS = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, QUERY";

export interface HttpServer {
  readonly port: number;
  /** Stops listening; open streams go on. */
  stopListening(): void;
  /** Requests whose answer is not finished. */
  openRequests(): number;
}

export function serveHttp(server: ApiServer): HttpServer {
  const { settings } = server;
  const table: RouteTable = settings.env.devMode ? { ...routes, ...devRoutes } : routes;
  let open = 0;
  const listening = Bun.serve({
    hostname: settings.host,
    port: settings.port,
    idleTimeout: 0,
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    fetch: async (request, bun) => {
      const client = bun.requestIP(request);
      const at = client ? `${client.address}:${client.port}` : "127.0.0.1:0";
      open += 1;
      const ended = () => {
        open -= 1;
        bun.timeout(request, KEEP_ALIVE_S);
      };
      return await answer(server, table, request, at, ended);
    },
  });
  return {
    port: listening.port ?? settings.port,
    stopListening: () => void listening.stop(false),
    openRequests: () => open,
  };
}

async function answer(
  server: ApiServer,
  table: RouteTable,
  request: Request,
  client: string,
  ended: () => void,
): Promise<Response> {
  const url = new URL(request.url);
  const arrivedMs = server.now();
  const bodyText = await request.text().catch(() => "");
  const seen = remember(server, request, url, bodyText, arrivedMs);
  const left = () => {
    if (seen && seen.endedAtMs === null) Object.assign(seen, { abortedByClient: true, endedAtMs: server.now() });
  };
  request.signal.addEventListener("abort", left);
  const call: Call = {
    server,
    headers: request.headers,
    url,
    bodyText,
    signal: request.signal,
    note: (kvParams) => {
      if (seen) seen.kvParams = kvParams as SeenRequest["kvParams"];
    },
  };
  const handler = table[url.pathname]?.[request.method];
  const reply = guard(server, request, url) ?? await route(table, request, url, handler, call);
  const status = reply.kind === "whole" ? reply.status : 200;
  if (seen) seen.status = status;
  accessLine(server, client, request.method, url, status);
  const finish = (responseBytes: number) => {
    if (seen && seen.endedAtMs === null) seen.endedAtMs = server.now();
    const requestBytes = Number(request.headers.get("content-length") ?? 0);
    const seconds = (server.now() - arrivedMs) / 1000;
    const name = handler ? url.pathname : "none";
    server.httpMetrics.count({ handler: name, method: request.method, status, requestBytes, responseBytes, seconds });
    afterGeneration(server, url.pathname);
    ended();
  };
  return toResponse(server, request, reply, finish);
}

async function route(
  table: RouteTable,
  request: Request,
  url: URL,
  handler: Handler | undefined,
  call: Call,
): Promise<Reply> {
  const methods = table[url.pathname];
  if (!methods) return jsonReply(404, { detail: "Not Found" });
  if (handler) return await handler(call);
  const preflight = request.method === "OPTIONS" && request.headers.has("access-control-request-method");
  if (preflight) return disallowedOrigin();
  const refused = jsonReply(405, { detail: "Method Not Allowed" });
  return { ...refused, headers: { allow: Object.keys(methods).join(", ") } } as Reply;
}

/** The API key guards some paths only, and its refusal has a text where the others have an object. */
function guard({ settings }: ApiServer, request: Request, url: URL): Reply | null {
  if (settings.apiKeys.length === 0 || request.method === "OPTIONS") return null;
  if (!GUARDED.some((prefix) => url.pathname.startsWith(prefix))) return null;
  const given = /^Bearer (.*)$/.exec(request.headers.get("authorization") ?? "")?.[1];
  return given !== undefined && settings.apiKeys.includes(given) ? null : jsonReply(401, { error: "Unauthorized" });
}

function disallowedOrigin(): Reply {
  return {
    ...textReply(400, "text/plain; charset=utf-8", "Disallowed CORS origin"),
    headers: {
      vary:
        "Origin, Access-Control-Request-Method, Access-Control-Request-Headers, Access-Control-Request-Private-Network",
      "access-control-allow-methods": METHODS,
      "access-control-max-age": "600",
    },
  } as Reply;
}

function toResponse(server: ApiServer, request: Request, reply: Reply, finish: (bytes: number) => void): Response {
  const headers = new Headers({ server: "uvicorn", vary: "Origin", ...reply.headers });
  if (server.settings.switches.requestIdHeaders) {
    headers.set("x-request-id", request.headers.get("x-request-id") ?? server.randomHex(32));
  }
  if (reply.kind === "stream") {
    headers.set("content-type", "text/event-stream; charset=utf-8");
    return new Response(streamBody(limitedFrames(server, reply.frames), finish), { headers });
  }
  if (reply.type !== null) headers.set("content-type", reply.type);
  const body = new TextEncoder().encode(reply.body);
  finish(body.byteLength);
  return new Response(body, { status: reply.status, headers });
}

/** `--sim-die-after-tokens` and `--sim-cut-after-tokens`: a frame is a token. */
async function* limitedFrames(server: ApiServer, frames: AsyncIterable<string>): AsyncGenerator<string> {
  const { faults } = server.settings;
  let sent = 0;
  for await (const frame of frames) {
    yield frame;
    sent += 1;
    if (faults.dieAfterTokens > 0 && sent >= faults.dieAfterTokens) server.exit(0);
    if (faults.cutAfterTokens > 0 && sent >= faults.cutAfterTokens) throw new StreamCut();
  }
}

function afterGeneration(server: ApiServer, path: string): void {
  const { faults } = server.settings;
  if (faults.exitAfterRequests <= 0 || !path.startsWith("/v1/") || path === "/v1/models") return;
  faults.exitAfterRequests -= 1;
  // The answer first has to leave; then nothing is cleaned up.
  if (faults.exitAfterRequests === 0) setTimeout(() => server.exit(0), 5);
}

function remember(
  server: ApiServer,
  request: Request,
  url: URL,
  body: string,
  arrivedAtMs: number,
): SeenRequest | null {
  if (url.pathname.startsWith("/sim/") || url.pathname === "/health" || url.pathname === "/metrics") return null;
  const headers = Object.fromEntries(request.headers.entries());
  return server.history.add({ method: request.method, path: url.pathname, headers, body, arrivedAtMs });
}

function accessLine(server: ApiServer, client: string, method: string, url: URL, status: number): void {
  if (!server.settings.switches.accessLog || url.pathname.startsWith("/sim/")) return;
  const target = url.pathname + url.search;
  server.log.access(`INFO:     ${client} - "${method} ${target} HTTP/1.1" ${status} ${STATUS_CODES[status] ?? ""}\n`);
}
