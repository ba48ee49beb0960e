// From a call to its reply: the API key, the route, and what Starlette says when there is none.

import type { Call } from "../api/api_server.ts";
import { jsonReply, type Reply } from "./reply.ts";
import type { RouteTable } from "./routes.ts";

const GUARDED = ["/v1", "/v2", "/inference", "/cohere"];
const METHODS = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, QUERY";

/** `handler` is the name the request is counted under: its route's path, or `none`. */
export async function routeCall(
  table: RouteTable,
  call: Call,
): Promise<{ readonly reply: Reply; readonly handler: string }> {
  const { method, url } = call;
  const methods = table[url.pathname];
  const route = methods?.[method];
  const handler = route ? url.pathname : "none";
  const refused = guard(call);
  if (refused) return { reply: refused, handler };
  if (route) return { reply: await route(call), handler };
  if (!methods) return { reply: jsonReply(404, { detail: "Not Found" }), handler };
  const preflight = method === "OPTIONS" && call.headers.has("access-control-request-method");
  return { reply: preflight ? disallowedOrigin() : methodNotAllowed(Object.keys(methods)), handler };
}

/** The API key guards some paths only, and its refusal has a text where the others have an object. */
function guard({ server: { settings }, method, url, headers }: Call): Reply | null {
  if (settings.apiKeys.length === 0 || method === "OPTIONS") return null;
  if (!GUARDED.some((prefix) => url.pathname.startsWith(prefix))) return null;
  const given = /^Bearer (.*)$/.exec(headers.get("authorization") ?? "")?.[1];
  return given !== undefined && settings.apiKeys.includes(given) ? null : jsonReply(401, { error: "Unauthorized" });
}

function methodNotAllowed(allowed: readonly string[]): Reply {
  return {
    kind: "whole",
    status: 405,
    type: "application/json",
    body: JSON.stringify({ detail: "Method Not Allowed" }),
    headers: { allow: allowed.join(", ") },
  };
}

function disallowedOrigin(): Reply {
  return {
    kind: "whole",
    status: 400,
    type: "text/plain; charset=utf-8",
    body: "Disallowed CORS origin",
    headers: {
      vary:
        "Origin, Access-Control-Request-Method, Access-Control-Request-Headers, Access-Control-Request-Private-Network",
      "access-control-allow-methods": METHODS,
      "access-control-max-age": "600",
    },
  };
}
