// What a client cannot do, by the title of the conformance test, each with the reason. Seen on Bun 1.4.5.

import type { UpstreamClientName } from "../../router/upstream/index.ts";

type Exceptions = Readonly<Record<string, string>>;

function because(reason: string, titles: readonly string[]): Exceptions {
  return Object.fromEntries(titles.map((title) => [title, reason]));
}

export const cannot: Readonly<Record<UpstreamClientName, Exceptions>> = {
  raw: {},
  fetch: {
    ...because("fetch parses more loosely", [
      "refuses HTTP/1.2",
      "refuses a status below 100",
      "refuses both length and chunked",
      "refuses two equal lengths",
      "refuses another transfer coding",
      "refuses identity coding",
      "refuses chunked in HTTP/1.0",
      "refuses a bare LF between headers",
      "refuses a trailer that is not a header",
      "refuses a trailer with a bare LF",
      "refuses trailers without end",
      "refuses a tab after chunked",
      "refuses a 100 that ends the connection",
      "refuses an empty chunk extension",
      "refuses a trailer that frames the answer",
      "refuses a last chunk without the empty line",
    ]),
    ...because("fetch takes heads of any size", ["refuses a head over the limit"]),
    ...because("fetch names the failure otherwise", [
      "refuses a head without end",
      "refuses a chunk extension without end",
      "refuses interim answers without end",
    ]),
    ...because("fetch tells of an answer only when its head is complete", [
      "does not retry once a byte was answered",
      "says reset when the connection is reset in the status line",
      "says reset when the connection is reset in the head",
    ]),
    ...because("fetch takes a reset for the end of a body until close", [
      "says reset when the connection is reset in a body until close",
    ]),
    ...because("fetch sorts and joins headers", ["gives all headers in wire order and in lower case"]),
    ...because("fetch sends user-agent, accept, accept-encoding and connection of its own", [
      "adds no header that nobody asked for",
    ]),
    ...because("fetch decides for itself about stale sockets, by method", [
      "replaces a kept-alive connection that turns out dead, when the request allows it",
      "says stale and sends nothing again, when the request forbids it",
    ]),
    ...because("fetch runs at most 256 requests at once and keeps at most 64 sockets", [
      "serves 400 requests at once, and keeps their connections",
    ]),
  },
};
