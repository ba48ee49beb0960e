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
      run(() => doFetch(toUrl(target, request), toInit(target, request, aborter.signal, ca)), aborter.signal, sink)
        .finally(() => running--);
      return { abort: () => aborter.abort() };
    },
    // fetch keeps its sockets to itself: running requests stand for open sockets.
    stats: () => ({ open: running, idle: 0, opened, staleRetries: 0 }),
    forget: () => {},
    close: () => {},
  };
}

async function run(send: () => Promise<Response>, signal: AbortSignal, sink: ResponseSink): Promise<void> {
  let answered = false;
  try {
    const response = await send();
    answered = true;
    if (signal.aborted) return;
    sink.head(toHead(response));
    for await (const chunk of response.body ?? []) {
      if (signal.aborted) return;
      await sink.data(chunk);
    }
    if (!signal.aborted) sink.end();
  } catch (error) {
    if (!signal.aborted) sink.fail({ ...describe(error, answered), answered });
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

const failureByCode: Readonly<Record<string, UpstreamFailure["is"]>> = {
  ConnectionRefused: "refused",
  FailedToOpenSocket: "refused",
  ECONNREFUSED: "refused",
  ENOENT: "refused",
  ENOTFOUND: "refused",
  ECONNRESET: "reset",
  ConnectionClosed: "reset",
};

function describe(error: unknown, answered: boolean): { is: UpstreamFailure["is"]; message: string } {
  const { code, message } = error as { code?: string; message?: string };
  const is = failureByCode[code ?? ""] ?? (answered || /socket|closed/i.test(message ?? "") ? "reset" : "protocol");
  return { is, message: message ?? String(error) };
}
