// Every route of the router, on Hono.

import { Hono } from "hono";
import { cors } from "hono/cors";
import { makeKeyCheck, noKey } from "./api_key.ts";
import { toResponse } from "./listen/answer_of.ts";
import { clientRequestOf } from "./listen/request_of.ts";
import { errorResponse, type OwnError } from "./own_error.ts";
import { metricsText, models, readiness, version } from "./pdserve_routes.ts";
import { requestIdOf } from "./request_id.ts";
import type { RouterIo } from "./router_io.ts";
import { isClosedPath, whyClosed } from "./closed_paths.ts";
import { type Route, splitRoutes, unlistedRoute, wholeRoutes } from "./routes.ts";
import { serveRequest } from "./serve_request.ts";

type Answer = (request: Request) => Response | Promise<Response>;

export function makeApp(io: RouterIo, admin: { readonly fetch: Answer }): Hono {
  const app = new Hono();
  const hasKey = makeKeyCheck(io.settings.apiKeys);
  const ownError = (request: Request, error: OwnError) => {
    return errorResponse(error, requestIdOf(request.headers.get("x-request-id"), io.random));
  };
  const guarded = (answer: Answer): Answer => (request) =>
    hasKey((name) => request.headers.get(name)) ? answer(request) : ownError(request, noKey);
  const { corsOrigins, adminKeys } = io.settings;
  const hasAdminKey = makeKeyCheck(adminKeys);
  // Only where asked for: a page of any site could otherwise call the API from its readers' browsers.
  if (corsOrigins.length > 0) app.use(cors({ origin: [...corsOrigins], exposeHeaders: ["x-request-id"] }));
  const methodOf = new Map<string, string>();
  const add = (method: Route["method"], path: string, answer: Answer) => {
    app.on(method, path, (c) => answer(c.req.raw));
    methodOf.set(path, method);
  };

  for (const route of [...splitRoutes, ...wholeRoutes]) {
    add(route.method, route.path, guarded(toWorkers(route, io)));
  }
  add("GET", "/v1/models", guarded(() => models(io)));
  // As with vLLM, these ask for no key: load balancers and scrapers read them, and they tell nothing of requests.
  add("GET", "/health", () => io.settings.healthWaits === true ? readiness(io) : new Response(null));
  add("GET", "/ready", () => readiness(io));
  // The names that other routers have for them.
  for (const path of ["/liveness", "/ping"]) add("GET", path, () => new Response(null));
  // SageMaker's, which asks by either.
  app.on("POST", "/ping", () => new Response(null));
  for (const path of ["/readiness", "/health_generate"]) add("GET", path, () => readiness(io));
  add("GET", "/load", () => Response.json({ server_load: io.gate.inside }));
  add("GET", "/version", () => version(io));
  add("GET", "/metrics", (request) => metricsText(io, /[?&]workers=1(&|$)/.test(request.url)));

  // Told apart here and not by a second handler per path: a path with one handler is Hono's fast way.
  app.notFound((c) => {
    const { method, path } = c.req;
    const allowed = methodOf.get(path);
    const route = allowed === undefined ? unlistedRoute(method, path) : null;
    const isClosed = allowed === undefined && route === null && isClosedPath(path);
    if (isClosed && adminKeys.length > 0) {
      return hasAdminKey((name) => c.req.raw.headers.get(name)) ? admin.fetch(c.req.raw) : ownError(c.req.raw, noKey);
    }
    if (route !== null) return guarded(toWorkers(route, io))(c.req.raw);
    if (allowed !== undefined) return ownError(c.req.raw, wrongMethod(method, path, allowed));
    return ownError(c.req.raw, isClosed ? closedPath(method, path) : unknownPath(method, path));
  });
  app.onError((error, c) => {
    io.log("error", "A route ended by a bug", { path: c.req.path, error: String(error.stack ?? error) });
    return ownError(c.req.raw, { status: 500, message: "pdserve failed to serve this request; its log says why" });
  });
  return app;
}

function toWorkers(route: Route, io: RouterIo): Answer {
  return async (request) => toResponse(await serveRequest(clientRequestOf(request), route, io));
}

function closedPath(method: string, path: string): OwnError {
  return { status: 404, message: whyClosed(method, path) };
}

function unknownPath(method: string, path: string): OwnError {
  return { status: 404, message: `${method} ${path} is not served here` };
}

function wrongMethod(method: string, path: string, allowed: string): OwnError {
  return { status: 405, message: `${path} takes ${allowed}, not ${method}`, headers: { allow: allowed } };
}
