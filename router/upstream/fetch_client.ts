// The same interface on the runtime's own `fetch`: the way back when the raw client is suspected of anything.
// What it cannot do stands, with reasons, in the conformance suite.

import { Buffer } from "node:buffer";
import type { ResponseHead, ResponseSink, UpstreamClient, UpstreamFailure, UpstreamRequest } from "./client.ts";
import { parseOrigin, type Target } from "./origin.ts";
import { defaultUpstreamOptions, type UpstreamOptions } from "./upstream_options.ts";
import { checkRequest } from "./write_request.ts";

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export function createFetchClient(options: Partial<UpstreamOptions> = {}, doFetch: Fetch = fetch): UpstreamClient {
  const { ca } = { ...defaultUpstreamOptions, ...options };
  let running = 0;
  let opened = 0;
  return {
    name: "fetch",
    request(origin, request, sink) {
      const target = parseOrigin(origin);
      if (target === null) throw new TypeError(`not an origin: ${JSON.stringify(origin)}`);
      checkRequest(request);
      const aborter = new AbortController();
      running++;
      opened++;
      const send = (): Promise<Response> =>
        doFetch(toUrl(target, request), toInit(target, request, aborter.signal, ca));
      run(send, aborter.signal, sink).finally(() => running--).then((tellOutcome) => tellOutcome());
      return { abort: () => aborter.abort() };
    },
    // fetch keeps its sockets to itself: running requests stand for open sockets.
    stats: () => ({ open: running, idle: 0, opened, staleRetries: 0 }),
    forget: () => {},
    close: () => {},
  };
}

/** Runs to the outcome and gives back the call that tells the sink, or one that does nothing after an abort. */
async function run(send: () => Promise<Response>, signal: AbortSignal, sink: ResponseSink): Promise<() => void> {
  let answered = false;
  const unlessAborted = (tell: () => void) => () => signal.aborted || tell();
  try {
    const response = await send();
    answered = true;
    if (!signal.aborted) sink.head(toHead(response));
    for await (const chunk of response.body ?? []) {
      if (signal.aborted) break;
      await sink.data(chunk);
    }
    return unlessAborted(() => sink.end());
  } catch (error) {
    return unlessAborted(() => sink.fail(describe(error, answered)));
  }
}

function toUrl(target: Target, request: UpstreamRequest): string {
  const scheme = target.is === "tcp" && target.tls ? "https" : "http";
  return `${scheme}://${target.hostHeader}${request.path}`;
}

/** `decompress`, `unix` and `tls` are Bun's additions; without the first a worker's bytes would not arrive as sent. */
function toInit(target: Target, request: UpstreamRequest, signal: AbortSignal, ca: string | null): RequestInit {
  const init = {
    method: request.method,
    headers: request.headers.map(([name, value]): [string, string] => [name, value]),
    body: request.body.length === 0 ? undefined : Buffer.concat(request.body),
    redirect: "manual",
    signal,
    decompress: false,
    ...(target.is === "unix" ? { unix: target.path } : {}),
    ...(ca === null ? {} : { tls: { ca } }),
  };
  return init as RequestInit;
}

function toHead(response: Response): ResponseHead {
  return {
    status: response.status,
    header: (name) => response.headers.get(name),
    entries: () => [...response.headers],
  };
}

/** Bun's error codes; whatever else has a code is about the worker's bytes. */
const failureByCode: Readonly<Record<string, UpstreamFailure["is"]>> = {
  ConnectionRefused: "refused",
  FailedToOpenSocket: "refused",
  ECONNREFUSED: "refused",
  ENOENT: "refused",
  ENOTFOUND: "refused",
  ECONNRESET: "reset",
};

function describe(error: unknown, answered: boolean): UpstreamFailure {
  const { code, message } = error as { code?: unknown; message?: string };
  if (typeof code !== "string") {
    return { is: "reset", message: `the reader of the answer failed: ${message}`, answered };
  }
  const is = failureByCode[code] ?? (/CERT/.test(code) ? "refused" : "protocol");
  return { is, message: message ?? code, answered };
}
