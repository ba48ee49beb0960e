// Which API a request to SageMaker's one path means.

import { lastMember, type ScannedBody } from "./body/scan_body.ts";
import { invocations, type Route } from "./routes.ts";

const BRACKET = 0x5b;

/**
 * The given route, but for `/invocations`, where the body decides as in vLLM: a chat before a completion. With members of
 * both, which one vLLM takes hangs on whether all of the chat is valid, so nothing is decided here and it goes whole.
 */
export function routeOfBody(route: Route, body: ScannedBody | { readonly is: "opaque" }): Route {
  if (route.path !== "/invocations" || body.is === "opaque") return route;
  const messages = lastMember(body, "messages");
  const isCompletion = lastMember(body, "prompt") !== null;
  if (messages === null) return isCompletion ? invocations.completions : route;
  return isCompletion || body.bytes[messages.valueStart] !== BRACKET ? route : invocations.chat;
}
