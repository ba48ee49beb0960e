// A listening socket for a fetch handler: the only place that knows how this runtime serves HTTP.

export interface ListenOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** A path instead of host and port. */
  readonly unix?: string;
  /** Bodies above are cut off by the runtime itself; the router's own limit, which answers 413, must be lower. */
  readonly maxBodyBytes: number;
  /** PEM texts; HTTPS instead of HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Several processes may listen on one port; the kernel spreads connections over them. */
  readonly reusePort?: boolean;
}

export interface Listener {
  readonly url: string;
  /** 0 for a Unix socket. */
  readonly port: number;
  /** No new connections. With `force`, open ones are closed too. */
  stop(force?: boolean): Promise<void>;
}

export type Listening =
  | { readonly is: "listening"; readonly listener: Listener }
  | { readonly is: "taken" }
  | { readonly is: "failed"; readonly reason: string };

export function serve(fetch: (request: Request) => Response | Promise<Response>, options: ListenOptions): Listening {
  const { host, port, unix, maxBodyBytes, tls, reusePort = false } = options;
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
    const isTaken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
    return isTaken ? { is: "taken" } : { is: "failed", reason: String((error as Error).message) };
  }
}

/**
 * A model may think for minutes before its first token, and a stream may pause as long; limits are the router's.
 * Typed loosely because the types of this runtime know it for TCP only.
 */
const noIdleLimit: object = { idleTimeout: 0 };

/** A host that a client on this machine can use: the wildcard addresses are for listening only. */
function urlHost(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}
