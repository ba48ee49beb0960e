// The way of a client's request to its route: what workers answer goes there at once, all else through Hono.

import type { Hono } from "hono";
import { makeKeyCheck, noKey } from "./api_key.ts";
import { byFetch } from "./listen/by_fetch.ts";
import type { Answering, ClientRequest } from "./listen/client_request.ts";
import { errorAnswer } from "./own_error.ts";
import { requestIdOf } from "./request_id.ts";
import type { RouterIo } from "./router_io.ts";
import { type Route, splitRoutes, wholeRoutes } from "./routes.ts";
import { serveRequest } from "./serve_request.ts";

export function answerClients(io: RouterIo, app: Hono): Answering {
  const hasKey = makeKeyCheck(io.settings.apiKeys);
  const throughHono = byFetch((request) => app.fetch(request));
  // Answers to pages of other origins get their headers from Hono.
  if (io.settings.corsOrigins.length > 0) return throughHono;
  const routes = new Map([...splitRoutes, ...wholeRoutes].map((route) => [`${route.method} ${route.path}`, route]));
  return (client) => {
    const route = routes.get(`${client.method} ${pathOf(client)}`);
    if (route === undefined || !isPlain(client, route)) return throughHono(client);
    if (hasKey((name) => client.header(name))) return serveRequest(client, route, io);
    return errorAnswer(noKey, requestIdOf(client.header("x-request-id"), io.random));
  };
}

function pathOf({ target }: ClientRequest): string {
  const query = target.indexOf("?");
  return query < 0 ? target : target.slice(0, query);
}

/** A route's pattern asked for by its own letters, or a fragment, which no client should send, is for Hono to judge. */
function isPlain({ target }: ClientRequest, { path }: Route): boolean {
  return target.length === path.length ? !path.includes(":") : !target.includes("#");
}
