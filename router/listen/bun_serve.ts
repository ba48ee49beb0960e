// A listener on the runtime's own HTTP server: TLS, Unix sockets, and whoever asks for it.

import { toResponse } from "./answer_of.ts";
import type { Answer, Answering } from "./client_request.ts";
import { type Listening, type ListenOptions, urlHost, whyNotListening } from "./listener.ts";
import { clientRequestOf } from "./request_of.ts";

export function listenByBunServe(answering: Answering, options: ListenOptions): Listening {
  const { host, port, unix, maxBodyBytes, tls, reusePort = false } = options;
  const fetch = (request: Request): Response | Promise<Response> => {
    const answer: Answer | Promise<Answer> = answering(clientRequestOf(request));
    return answer instanceof Promise
      ? answer.then(toResponse, () => new Response(null, { status: 500 }))
      : toResponse(answer);
  };
  const handlers = { fetch, maxRequestBodySize: maxBodyBytes, development: false, ...noIdleLimit };
  try {
    const server = unix === undefined
      ? Bun.serve({ ...handlers, hostname: host, port, reusePort, ...(tls && { tls }) })
      : Bun.serve({ ...handlers, unix });
    const listener = {
      url: unix === undefined ? `${tls ? "https" : "http"}://${urlHost(host)}:${server.port}` : `unix:${unix}`,
      port: server.port ?? 0,
      stop: (force = false) => server.stop(force),
    };
    return { is: "listening", listener };
  } catch (error) {
    return whyNotListening(error);
  }
}

/**
 * A model may think for minutes before its first token, and a stream may pause as long; limits are the router's.
 * Typed loosely because the types of this runtime know it for TCP only.
 */
const noIdleLimit: object = { idleTimeout: 0 };
