// What answers a web standard's `Request` as what answers a client.

import { answerOf } from "./answer_of.ts";
import type { Answering } from "./client_request.ts";
import { toRequest } from "./request_of.ts";

export function byFetch(fetch: (request: Request) => Response | Promise<Response>): Answering {
  return async (client) => {
    const request = toRequest(client);
    return request === null ? notKnown : await answerOf(await fetch(request));
  };
}

/** RFC 9110 §15.6.2: what a server says to a method it does not know. */
const notKnown = { status: 501, fields: [], body: null };
