// A listening socket for what answers requests, by one of two ways of speaking HTTP.

import { listenByBunServe } from "./listen/bun_serve.ts";
import { listenByOwnServer } from "./listen/own_server.ts";
import type { Answering } from "./listen/client_request.ts";
import type { Listening, ListenOptions } from "./listen/listener.ts";

export { byFetch } from "./listen/by_fetch.ts";
export type { Listener, Listening, ListenOptions } from "./listen/listener.ts";

export function serve(answering: Answering, options: ListenOptions): Listening {
  const isPlain = options.tls === undefined && options.unix === undefined;
  return isPlain && options.server !== "runtime"
    ? listenByOwnServer(answering, options)
    : listenByBunServe(answering, options);
}
